"""urllib.request over the page's fetch: Python in a browser has no sockets.

The module is changed when it is imported, so that nothing is loaded for notebooks that never ask.
"""

import base64
import importlib.machinery
import importlib.util
import io
import sys

from . import bridge

MODULE = "urllib.request"


class Finder:
    """Changes urllib.request after it was loaded."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = Loader(spec.loader)
        return spec

    def invalidate_caches(self):
        pass


class Loader:
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        module.__spec__.loader = module.__loader__ = self.loader
        change(module)

    def __getattr__(self, name):
        return getattr(self.loader, name)


def setup():
    sys.meta_path.insert(0, Finder())
    if MODULE in sys.modules:
        change(sys.modules[MODULE])


def change(module):
    """Lets the handlers of http: and https: fetch."""
    module.AbstractHTTPHandler.do_open = _do_open


def _do_open(self, http_class, request, **options):
    from http.client import HTTPResponse
    from urllib.error import URLError

    headers = {**request.headers, **request.unredirected_hdrs}
    if str(headers.get("User-agent", "")).startswith("Python-urllib"):
        del headers["User-agent"]
    message = {
        "type": "fetch_request",
        "url": request.full_url,
        "method": request.get_method(),
        "headers": [[name, str(value)] for name, value in headers.items()],
    }
    if request.data is not None:
        message["body"] = base64.b64encode(_bytes(request.data)).decode()
    if isinstance(request.timeout, (int, float)):
        message["timeout"] = request.timeout
    answer = bridge.ask(message)
    if not answer or "error" in answer:
        reason = (answer or {}).get("error") or "there was no answer"
        raise URLError(TimeoutError(reason) if reason == "timed out" else reason)
    body = base64.b64decode(answer["body"])
    # fetch has undone what these tell.
    told = [item for item in answer["headers"] if item[0] not in ("content-encoding", "transfer-encoding", "content-length")]
    head = "".join(f"{name}: {value}\r\n" for name, value in [*told, ["Content-Length", len(body)]])
    reason = answer["reason"] or "OK"
    raw = f"HTTP/1.1 {answer['status']} {reason}\r\n{head}\r\n".encode("latin-1", "replace") + body
    response = HTTPResponse(_Socket(raw), method="GET" if body else request.get_method())
    response.begin()
    response.url, response.msg = answer["url"], response.reason
    return response


def _bytes(data):
    if hasattr(data, "read"):
        data = data.read()
    return data if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(data)


class _Socket:
    """What HTTPResponse reads from."""

    def __init__(self, raw):
        self.raw = raw

    def makefile(self, mode):
        return io.BytesIO(self.raw)
