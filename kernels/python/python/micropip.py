"""micropip's functions over Kroma's own installer, so that notebooks written for Pyodide run."""

from _kroma import packages


async def install(requirements, keep_going=False, deps=True, credentials=None, pre=False, index_urls=None, *, constraints=None, reinstall=False, verbose=None):
    """Installs packages by name, version specifier, URL or path of a wheel."""
    wanted = [requirements] if isinstance(requirements, str) else [*requirements]
    urls = [index_urls] if isinstance(index_urls, str) else [*(index_urls or ())]
    await packages.install(wanted, dependencies=deps, pre=pre, indexes=urls, upgrade=reinstall)


class _Listing(dict):
    def __repr__(self):
        rows = [("Name", "Version"), *((item.name, item.version) for item in self.values())]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}} {version}" for name, version in rows)


class _Package:
    def __init__(self, name, version):
        self.name, self.version, self.source = name, version, "pypi"

    def __repr__(self):
        return f"PackageMetadata(name={self.name!r}, version={self.version!r})"


def list():
    """What is installed."""
    return _Listing((name, _Package(name, version)) for name, version in packages.installed())


def freeze():
    """What is installed, as JSON text."""
    import json

    return json.dumps({"packages": {name: {"name": name, "version": version} for name, version in packages.installed()}})


def uninstall(names, *, verbose=None):
    """Removes packages."""
    packages.uninstall([names] if isinstance(names, str) else names)


def set_index_urls(urls):
    """Sets the simple indexes that are asked."""
    packages.extra_indexes[:] = [urls] if isinstance(urls, str) else urls
