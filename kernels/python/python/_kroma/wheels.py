"""Wheels: where they are, how they are fetched and checked, whether they run here, how they are unpacked."""

import hashlib
import io
import json
import os
import re
import shutil
import sys
import sysconfig
import zipfile
from urllib.parse import unquote, urljoin

from . import bridge
from .versions import Requirement, Specifier, Version, canonical

SITE = sysconfig.get_path("purelib")


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
    if url.startswith("file:"):
        # Where Kroma itself lies on this machine is nobody's business, and outputs are shared.
        url = url.rpartition("/")[2]
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


def folder(url):
    return url if url.endswith("/") else url + "/"


def mirrors():
    return [folder(url) for url in settings().get("wheelMirrors") or []]


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
        found.append((lock["packages"], [*mirrors(), *([folder(cdn)] if cdn else [])]))
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
    url = f"{folder(base)}{name}/"
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


def metadata(data, filename):
    """The METADATA text of a wheel."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            return archive.read(names[0]).decode("utf-8")
    except (zipfile.BadZipFile, IndexError, UnicodeDecodeError):
        raise InstallError(f"{filename} is not a wheel: it can't be unpacked, or has no METADATA.") from None


def requirements(text):
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
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
