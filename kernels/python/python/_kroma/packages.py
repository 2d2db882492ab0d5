"""Installs packages: finds a wheel for each requirement, checks its hash, unpacks it, goes on with what it needs.

A name is looked for in mirrors (their lock file, then their simple index), among the wheels that ship with Kroma, in
Pyodide's lock file, in the index named in the settings. Bytes come from the store of earlier downloads if their hash
is known, else from the places that hold the file. Nothing is unpacked before all that is needed has been found.
"""

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from base64 import b64encode
from urllib.parse import unquote, urljoin

from . import bridge
from .versions import InvalidRequirement, Requirement, Version, canonical
from .wheels import (
    SITE,
    HashMismatch,
    InstallError,
    NotThere,
    Wheel,
    download,
    from_index,
    locks,
    metadata,
    mirrors,
    requirements,
    runs_here,
    settings,
    unpack,
)

extra_indexes = []
# What could not be loaded although it is known: import name -> why. Told with the ModuleNotFoundError.
failed = {}


class Plan:
    """One installation under way."""

    def __init__(self, dependencies=True, pre=False, indexes=(), upgrade=False):
        self.dependencies, self.pre, self.upgrade = dependencies, pre, upgrade
        self.indexes = list(indexes)
        self.wheels = {}
        self.data = {}
        self.extras = {}
        self.trouble = []

    async def add(self, text, why=None):
        """Takes a requirement, a path or a URL into the plan, with all that it needs."""
        if text.endswith(".whl") or ".whl#" in text:
            if " @ " not in text:
                await self.add_file(text)
                return
        try:
            requirement = text if isinstance(text, Requirement) else Requirement(text)
        except InvalidRequirement as error:
            raise InstallError(f"{text!r} can't be installed: {error}.") from None
        if not requirement.applies():
            return
        if requirement.url:
            await self.add_file(requirement.url, requirement.extras)
            return
        await self.require(requirement, why)

    async def require(self, requirement, why):
        name = requirement.name
        planned = self.wheels.get(name)
        if planned is not None:
            if not requirement.specifier.allows(planned.version):
                raise InstallError(f"{requirement} (wanted by {why or 'you'}) contradicts {name} {planned.version}, which is needed too.")
            await self.needs(planned, requirement.extras)
            return
        installed = None if self.upgrade and why is None else installed_version(name)
        if installed is not None and requirement.specifier.allows(installed):
            if requirement.extras:
                await self.needs_installed(name, requirement.extras)
            return
        wheel, data = await self.find(requirement, why)
        if installed is not None and name in (module.partition(".")[0] for module in sys.modules):
            print(f"{name} {installed} is in use: restart Python to use {wheel.version}.", file=sys.stderr)
        self.wheels[name], self.data[name] = wheel, data
        await self.needs(wheel, requirement.extras)

    async def find(self, requirement, why):
        """The best wheel and its bytes."""
        pre = self.pre or requirement.specifier.names_pre
        others, seen, trouble = [], [], []
        for wheel in await self.candidates(requirement, others, seen, pre, trouble):
            data = await download(wheel, trouble)
            if data is not None:
                return wheel, data
        raise InstallError(_explain(requirement, why, seen, others, trouble))

    async def candidates(self, requirement, others, seen, pre, trouble):
        name, found = requirement.name, []

        def take(wheels):
            fitting = [wheel for wheel in wheels if requirement.specifier.allows(wheel.version)]
            seen.extend(str(wheel.version) for wheel in wheels)
            final = [wheel for wheel in fitting if not wheel.version.is_pre]
            found.extend(fitting if pre or not final else final)

        async def look(base):
            try:
                wheels, unfit = await from_index(base, name, pre)
            except NotThere:
                return
            except InstallError as error:
                trouble.append(str(error))
                return
            others.extend(unfit)
            take(wheels)

        for base in [*self.indexes, *extra_indexes]:
            await look(base)
        for packages, folders in await locks():
            item = packages.get(name) or next((item for key, item in packages.items() if canonical(key) == name), None)
            if item:
                urls = [urljoin(folder, item["file_name"]) for folder in folders]
                # Pyodide's lock names what a package needs; a wheel of another origin says it itself.
                take([Wheel(name, Version(item["version"]), item["file_name"].rpartition("/")[2], urls, item.get("sha256"), item.get("depends"))])
        for mirror in mirrors():
            await look(mirror + "simple/")
        index = settings().get("pythonIndex")
        if index and not any(wheel.urls for wheel in found):
            await look(index)
        return found

    async def add_file(self, text, extras=()):
        place, _, fragment = text.partition("#")
        sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None
        filename = unquote(place.rstrip("/").rpartition("/")[2])
        parts = filename.split("-")
        if "[" in place.rpartition("/")[2] and place.endswith("]"):
            raise InstallError(f"{text!r}: extras go with a name, not with a file.")
        if len(parts) not in (5, 6):
            raise InstallError(f"{filename!r} is not a wheel's file name (name-version-python-abi-platform.whl).")
        try:
            wheel = Wheel(parts[0], Version(parts[1]), filename, [place], sha256)
        except ValueError:
            raise InstallError(f"{filename!r} is not a wheel's file name: {parts[1]!r} is no version.") from None
        if not runs_here(filename):
            raise InstallError(f"{filename} was built for another platform; Python in the browser needs a pure one (-none-any.whl) or one for Pyodide.")
        if re.match(r"https?://", place):
            trouble = []
            data = await download(wheel, trouble)
            if data is None:
                raise InstallError(f"{filename} can't be installed: {'; '.join(trouble)}.")
        else:
            path = os.path.expanduser(re.sub(r"^(file|emfs):(//)?", "", place))
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except OSError as error:
                raise InstallError(f"{path} can't be installed: {error.strerror}.") from None
            found = hashlib.sha256(data).hexdigest()
            if sha256 and found != sha256:
                raise HashMismatch(f"{path} was refused: its sha256 is {found}, but {sha256} was promised.")
            wheel.sha256 = found
        self.wheels[wheel.name], self.data[wheel.name] = wheel, data
        await self.needs(wheel, set(extras))

    async def needs(self, wheel, extras):
        """Takes in what a planned wheel needs, with those extras."""
        if not self.dependencies:
            return
        name = wheel.name
        before = self.extras.get(name)
        if before is not None and extras <= before:
            return
        self.extras[name] = (before or set()) | extras
        if wheel.depends is not None:
            wanted = [Requirement(item) for item in wheel.depends]
        else:
            wanted = requirements(metadata(self.data[name], wheel.filename))
        for requirement in wanted:
            if requirement.applies(tuple(self.extras[name])):
                await self.add_requirement(requirement, name)

    async def add_requirement(self, requirement, why):
        if requirement.url:
            await self.add_file(requirement.url, requirement.extras)
        else:
            await self.require(requirement, why)

    async def needs_installed(self, name, extras):
        for text in importlib.metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker and requirement.applies(tuple(extras)):
                await self.add_requirement(requirement, name)

    async def finish(self):
        """Unpacks everything; gives `name-version` of what is new."""
        done = []
        for name, wheel in self.wheels.items():
            data = self.data[name]
            if installed_version(name) is not None:
                uninstall([name], quiet=True)
            if wheel.is_pure:
                unpack(data, wheel.filename)
            else:
                from pyodide.ffi import to_js

                await bridge.host.installWheel(to_js(data), wheel.filename)
            _tell(wheel)
            done.append(f"{name}-{wheel.version}")
        if done:
            _forget_stand_ins(self.wheels)
            for finder in list(sys.path_importer_cache.values()):
                # The standard library's zip does not change, and reading it again is slow.
                if finder is not None and not type(finder).__name__.startswith("zip"):
                    getattr(finder, "invalidate_caches", lambda: None)()
            importlib.metadata.MetadataPathFinder.invalidate_caches()
            failed.clear()
        return done


def _explain(requirement, why, seen, others, trouble):
    """Why a package can't be had, and what to do."""
    name = requirement.name
    text = f"{requirement} can't be installed" + (f" (needed by {why})" if why else "") + ": "
    if seen and not trouble:
        versions = ", ".join(dict.fromkeys(seen))
        text += f"only these versions were found: {versions}."
    elif others and not seen:
        text += f"{name} has no wheel that runs in the browser, only {', '.join(others[:3])}. A pure one (-none-any.whl) or one built for Pyodide is needed."
    else:
        text += ("; ".join(dict.fromkeys(trouble)) if trouble else "no place that was asked knows it") + "."
    known = settings()
    if not known.get("pyodidePackages") and not known.get("pythonIndex") and not known.get("wheelMirrors"):
        text += " No package source is set: name a wheel mirror, Pyodide's package folder or a Python index in the settings,"
    elif trouble:
        text += " Check the network and the package sources in the settings,"
    else:
        text += " Check the name and version,"
    return text + f" or put the wheel into the workspace and run `%pip install ./{name.replace('-', '_')}-….whl`."


def _forget_stand_ins(wheels):
    """Kroma's stand-ins for packages give way to the real ones."""
    for name in wheels:
        for module in [key for key in sys.modules if key.partition(".")[0] == name.replace("-", "_")]:
            if (getattr(sys.modules[module], "__file__", None) or getattr(sys.modules[module].__spec__, "origin", None) or "").startswith("<kroma>"):
                if module in ("traitlets", "anywidget"):
                    del sys.modules[module]


def _tell(wheel):
    digest = b64encode(bytes.fromhex(wheel.sha256 or "")).decode()
    message = {"type": "dependency", "ecosystem": "pypi", "name": wheel.name, "version": str(wheel.version), "integrity": f"sha256-{digest}"}
    if wheel.source and wheel.source.startswith("https:"):
        message["url"] = wheel.source
    bridge.post(message)


# -- what is installed --------------------------------------------------------------------------------------------


def installed_version(name):
    try:
        return Version(importlib.metadata.version(name))
    except (importlib.metadata.PackageNotFoundError, ValueError, TypeError):
        return None


def installed():
    """`(name, version)` of every package."""
    rows = {canonical(item.name): item.version for item in importlib.metadata.distributions(path=[SITE])}
    return sorted(rows.items())


def show(names):
    for name in names:
        try:
            data = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            raise InstallError(f"{name} is not installed.") from None
        for key in ("Name", "Version", "Summary", "Home-page", "License"):
            if data.get(key):
                print(f"{key}: {data[key]}")
        print(f"Location: {SITE}\nRequires: {', '.join(Requirement(item).name for item in importlib.metadata.requires(name) or [])}")


def uninstall(names, quiet=False):
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed.", file=sys.stderr)
            continue
        version = distribution.version
        folders = set()
        for file in distribution.files or []:
            path = os.path.normpath(os.path.join(SITE, file))
            if os.path.isfile(path) and path.startswith(("/lib/", SITE)):
                os.unlink(path)
                folders.add(os.path.dirname(path))
        info = getattr(distribution, "_path", None)
        if info is not None:
            shutil.rmtree(str(info), ignore_errors=True)
        for folder in sorted(folders, key=len, reverse=True):
            shutil.rmtree(os.path.join(folder, "__pycache__"), ignore_errors=True)
            while folder.startswith(SITE + "/") and os.path.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)
                folder = os.path.dirname(folder)
        if not quiet:
            print(f"Removed {name} {version}; modules that are imported stay until Python is restarted.")


# -- doors --------------------------------------------------------------------------------------------------------


async def install(wanted, dependencies=True, pre=False, indexes=(), upgrade=False):
    """Installs requirements, paths and URLs; gives `name-version` of what is new."""
    plan = Plan(dependencies, pre, indexes, upgrade)
    for text in wanted:
        await plan.add(text)
    return await plan.finish()


async def install_words(words):
    """%pip install …"""
    wanted, options = [], {"indexes": []}
    quiet = False
    queue = list(words)
    while queue:
        word = queue.pop(0)
        key, equals, value = word.partition("=")
        if key in ("-i", "--index-url", "--extra-index-url", "-r", "--requirement", "-c", "--constraint", "-t", "--target", "-f", "--find-links") and key.startswith("-"):
            value = value if equals and key.startswith("--") else queue.pop(0) if queue else ""
            if key in ("-r", "--requirement"):
                wanted += _requirements_file(value)
            elif "index-url" in key or key == "-i":
                options["indexes"].append(value)
            else:
                print(f"%pip passes over {key}.", file=sys.stderr)
        elif word in ("-U", "--upgrade", "--force-reinstall"):
            options["upgrade"] = True
        elif word == "--pre":
            options["pre"] = True
        elif word == "--no-deps":
            options["dependencies"] = False
        elif re.fullmatch(r"-q+|--quiet", word):
            quiet = True
        elif word.startswith("-"):
            if word in ("-e", "--editable"):
                raise InstallError("Editable installs are not possible here; put the package's folder into the workspace and import it.")
            if word not in ("--user", "--break-system-packages", "--no-cache-dir", "--disable-pip-version-check", "-v", "--progress-bar=off"):
                print(f"%pip passes over {word}.", file=sys.stderr)
        else:
            wanted.append(word)
    if not wanted:
        raise InstallError("%pip install needs the name of a package, as in `%pip install tabulate`.")
    done = await install(wanted, **options)
    if not quiet:
        print(f"Installed {', '.join(done)}" if done else f"Already installed: {', '.join(wanted)}")


def _requirements_file(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InstallError(f"{path} can't be read: {error.strerror}.") from None
    found = []
    for line in text.replace("\\\n", " ").split("\n"):
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        line = re.sub(r"\s--hash=\S+", "", line)
        if line.startswith(("-r ", "--requirement ")):
            found += _requirements_file(os.path.join(os.path.dirname(path), line.split(None, 1)[1]))
        elif line and not line.startswith("-"):
            found.append(line)
    return found


def imported_names(code):
    """Top-level names of all modules that the code imports anywhere."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return []
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.setdefault(alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.setdefault(node.module.partition(".")[0])
    return list(names)


async def load_imports(code):
    """Installs the packages of imports that are not there but known. What fails is told when the import fails."""
    if "import" not in code:
        return
    missing = []
    imported = imported_names(code)
    for name in imported:
        if name in sys.modules or name in sys.stdlib_module_names:
            continue
        try:
            if importlib.util.find_spec(name) is None:
                missing.append(name)
        except (ImportError, ValueError, AttributeError):
            missing.append(name)
    if "zoneinfo" in imported and importlib.util.find_spec("tzdata") is None:
        # Elsewhere the system has the time zones.
        missing.append("tzdata")
    if not missing:
        return
    known = {}
    for packages, _ in await locks():
        for key, item in packages.items():
            for module in item.get("imports") or ():
                known.setdefault(module, key)
    for name in missing:
        failed.pop(name, None)
        if name not in known:
            failed[name] = f"`{name}` is not installed. If it is a package, run `%pip install {name.replace('_', '-')}` first."
            continue
        try:
            await install([known[name]])
        except InstallError as error:
            failed[name] = str(error)


def explain_missing(error):
    """Adds to a ModuleNotFoundError why the module could not be loaded."""
    reason = failed.get((error.name or "").partition(".")[0])
    if reason and reason not in getattr(error, "__notes__", ()):
        error.__notes__ = [note for note in getattr(error, "__notes__", ()) if "Pyodide distribution" not in note]
        error.add_note(reason)
