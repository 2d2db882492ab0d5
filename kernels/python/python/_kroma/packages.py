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
import io
import json
import os
import re
import shutil
import sys
import sysconfig
import zipfile
from base64 import b64encode
from urllib.parse import unquote, urljoin

from . import bridge
from .versions import InvalidRequirement, Requirement, Specifier, Version, canonical

SITE = sysconfig.get_path("purelib")
extra_indexes = []
# What could not be loaded although it is known: import name -> why. Told with the ModuleNotFoundError.
failed = {}


class InstallError(Exception):
    """A package that can't be had, with the reason and what to do."""

    __module__ = "builtins"  # so that a traceback gives its bare name


class NotThere(InstallError):
    """A place that answers, but does not have it."""

    __module__ = "builtins"


class HashMismatch(InstallError):
    """A file that is not what was promised."""

    __module__ = "builtins"


class Wheel:
    """A wheel that could be installed: where it is and what is known of it."""

    def __init__(self, name, version, filename, urls, sha256=None, depends=None):
        self.name, self.version, self.filename = canonical(name), version, filename
        self.urls, self.sha256, self.depends = urls, sha256, depends
        self.source = None

    @property
    def is_pure(self):
        return self.filename.endswith("-none-any.whl")


# -- fetching -----------------------------------------------------------------------------------------------------


async def fetch(url, accept=""):
    """`(bytes, content type)`; InstallError if it can't be had."""
    answer = await bridge.host.fetchBytes(url, accept)
    status, kind, body = answer.status, answer.kind, answer.body
    if status == 0:
        raise InstallError(f"{url} could not be reached ({answer.why})")
    if status in (404, 410):
        raise NotThere(f"{url} answered {status}")
    if status != 200:
        raise InstallError(f"{url} answered {status}")
    return body.to_bytes(), kind


async def download(wheel, trouble):
    """The wheel's bytes, with the right hash."""
    if wheel.sha256:
        kept = await bridge.host.cacheRead(wheel.sha256)
        if kept is not None:
            data = kept.to_bytes()
            if hashlib.sha256(data).hexdigest() == wheel.sha256:
                wheel.source = next(iter(wheel.urls), None)
                return data
    wrong = None
    if not wheel.urls:
        trouble.append(f"{wheel.name} {wheel.version} is made for Pyodide, but no folder that has it is set")
    for url in wheel.urls:
        try:
            data, _ = await fetch(url)
        except InstallError as error:
            trouble.append(str(error))
            continue
        found = hashlib.sha256(data).hexdigest()
        if wheel.sha256 and found != wheel.sha256:
            wrong = HashMismatch(
                f"{wheel.filename} from {url} was refused: its sha256 is {found}, but {wheel.sha256} was promised. "
                "The file is damaged or was changed on its way."
            )
            continue
        wheel.sha256, wheel.source = found, url
        from pyodide.ffi import to_js

        await bridge.host.cacheWrite(found, to_js(data))
        return data
    if wrong:
        raise wrong
    return None


# -- what there is ------------------------------------------------------------------------------------------------

_settings = None
_documents = {}


def settings():
    global _settings
    if _settings is None:
        _settings = json.loads(bridge.host.settings())
    return _settings


async def document(url):
    """A JSON document that stays the same while the kernel runs; None if it can't be had."""
    if url not in _documents:
        try:
            _documents[url] = json.loads((await fetch(url))[0])
        except (InstallError, ValueError):
            _documents[url] = None
    return _documents[url]


def _folder(url):
    return url if url.endswith("/") else url + "/"


def mirrors():
    return [_folder(url) for url in settings().get("wheelMirrors") or []]


async def locks():
    """`(packages, folders that may hold the files)`: of each mirror, of the shipped wheels, of Pyodide."""
    found = []
    for mirror in mirrors():
        lock = await document(mirror + "pyodide-lock.json")
        if lock:
            found.append((lock.get("packages", {}), [mirror]))
    assets = settings()["assets"]
    shipped = await document(assets + "wheels/index.json")
    if shipped:
        packages = {
            canonical(name): {"name": name, "file_name": item["file"], **item, "imports": item.get("imports") or [name.replace("-", "_")]}
            for name, item in shipped.items()
        }
        found.append((packages, [assets + "wheels/"]))
    lock = await document(assets + "pyodide/pyodide-lock.json")
    if lock:
        cdn = settings().get("pyodidePackages")
        found.append((lock["packages"], [*mirrors(), *([_folder(cdn)] if cdn else [])]))
    return found


def _abi():
    return (_documents.get(settings()["assets"] + "pyodide/pyodide-lock.json") or {}).get("info", {}).get("abi_version", "2026_0")


def runs_here(filename):
    """Can this interpreter use a wheel with such a name?"""
    parts = filename.removesuffix(".whl").split("-")
    if not filename.endswith(".whl") or len(parts) not in (5, 6):
        return False
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    minor = sys.version_info.minor
    here = any(re.fullmatch(rf"(py3|py3{minor}|cp3{minor})", tag) for tag in pythons)
    older = any((match := re.fullmatch(r"(?:py|cp)3(\d+)", tag)) and int(match[1]) <= minor for tag in pythons)
    if "any" in platforms:
        return "none" in abis and (here or older)
    native = {f"{kind}_{_abi()}_wasm32" for kind in ("pyemscripten", "pyodide")}
    if not native & set(platforms):
        return False
    return here and bool({f"cp3{minor}", "none", "abi3"} & set(abis)) or ("abi3" in abis and older)


async def from_index(base, name, pre):
    """All wheels that a PEP 503/691 index has for a name, newest first."""
    url = f"{_folder(base)}{name}/"
    data, kind = await fetch(url, "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
    files = _json_files(data) if "json" in (kind or "") or data.lstrip()[:1] == b"{" else _html_files(data)
    wheels, others = [], []
    for filename, link, sha256, requires_python, yanked in files:
        try:
            version = Version(filename.split("-")[1])
            if requires_python and not Specifier(requires_python).allows(Version("%d.%d.%d" % sys.version_info[:3])):
                continue
        except (ValueError, IndexError):
            continue
        if runs_here(filename):
            wheels.append((not yanked, version, filename.endswith("-none-any.whl"), Wheel(name, version, filename, [urljoin(url, link)], sha256)))
        else:
            others.append(filename)
    wheels.sort(key=lambda row: row[:3], reverse=True)
    return [row[3] for row in wheels], others


def _json_files(data):
    for item in json.loads(data).get("files", []):
        yield item["filename"], item["url"], (item.get("hashes") or {}).get("sha256"), item.get("requires-python"), bool(item.get("yanked"))


def _html_files(data):
    from html import unescape

    for match in re.finditer(r"<a\s([^>]*)>(.*?)</a>", data.decode("utf-8", "replace"), re.S | re.I):
        attributes = {key.lower(): unescape(value or bare) for key, value, bare in re.findall(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s>]+))', match[1])}
        link, _, fragment = attributes.get("href", "").partition("#")
        sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None
        yield unescape(match[2]).strip() or unquote(link.rpartition("/")[2]), link, sha256, attributes.get("data-requires-python"), "data-yanked" in match[1]


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
            wanted = _requires(_metadata(self.data[name], wheel.filename))
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


def _metadata(data, filename):
    """The METADATA text of a wheel."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            return archive.read(names[0]).decode("utf-8")
    except (zipfile.BadZipFile, IndexError, UnicodeDecodeError):
        raise InstallError(f"{filename} is not a wheel: it can't be unpacked, or has no METADATA.") from None


def _requires(metadata):
    head = metadata.replace("\r\n", "\n").partition("\n\n")[0]
    return [Requirement(match[1]) for match in re.finditer(r"^Requires-Dist:[ \t]*(.*)$", head, re.M)]


def unpack(data, filename):
    """Puts a pure wheel's files into site-packages; a name that leads out of it is refused."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = next((name.partition("/")[0] for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)), None)
        if info is None:
            raise InstallError(f"{filename} is not a wheel: it has no METADATA.")
        prefix = info.removesuffix(".dist-info") + ".data/"
        for item in archive.infolist():
            if item.is_dir():
                continue
            path, base = item.filename, SITE
            if path.startswith(prefix):
                kind, _, path = path[len(prefix) :].partition("/")
                if kind not in ("purelib", "platlib", "data"):
                    continue
                base = sys.prefix if kind == "data" else SITE
            target = os.path.normpath(os.path.join(base, path))
            if not target.startswith(base.rstrip("/") + "/"):
                raise InstallError(f"{filename} was refused: it has a file that would be written outside ({item.filename}).")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(item) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)
        with open(f"{SITE}/{info}/INSTALLER", "w", encoding="utf-8") as file:
            file.write("kroma\n")


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
    for name in imported_names(code):
        if name in sys.modules or name in sys.stdlib_module_names:
            continue
        try:
            if importlib.util.find_spec(name) is None:
                missing.append(name)
        except (ImportError, ValueError, AttributeError):
            missing.append(name)
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
