"""Kroma's module for Python in the Linux machine: values that all cells share, and what the notebook does for programs.

    kroma.set("table", rows)      kroma.get("table")
    kroma.py("df.describe()")     runs in the notebook's own Python and gives what was printed, and the value, as text
    kroma.ts("1 + 1")             the same in TypeScript
    kroma.display("plot.png")     shows a file, or bytes, at the cell
    kroma.open(8000)              previews what a server here serves
    kroma.fetch(url)              the bytes of a file on the web, as the notebook's page can get them

The values' files are described in Kroma's core/workspace/VALUES.md, the calls in vm-images/agent/CALLS.md.
"""

import builtins as _builtins
import os as _os
import socket as _socket
import struct as _struct
import sys as _sys

from . import _values

__all__ = ["Error", "display", "fetch", "get", "list", "open", "py", "remove", "set", "ts"]

_SOCKET = "/run/kroma.sock"
_PAYLOAD = 65536
_CALL, _DATA, _END, _OUT, _ERR, _EXIT = 1, 2, 3, 65, 66, 69


class Error(RuntimeError):
    """The notebook could not do it; `status` is what the `kroma` command would have ended with."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


def set(name, value):
    """Gives the value that name in every language."""
    _values.write(name, value)


def get(name, *default):
    """The value of that name, or the default; KeyError without either."""
    return _values.read(name, *default)


def list():
    """The names that have values."""
    return _values.names()


def remove(name):
    """Takes a value away; no error if it is not there."""
    _values.remove(name)


def py(code):
    """What the code prints in the notebook's Python, and the repr of its last expression; Error if it fails."""
    return _call("py", body=code.encode()).decode(errors="replace").removesuffix("\n")


def ts(code):
    """What the code prints in the notebook's TypeScript, and its last expression as Node shows it; Error if it fails."""
    return _call("ts", body=code.encode()).decode(errors="replace").removesuffix("\n")


def display(file, mime=""):
    """Shows a file (a path), bytes, or what a binary file object holds, as an output of the cell."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        name, body = "-", bytes(file)
    elif hasattr(file, "read"):
        name, body = _os.path.basename(str(getattr(file, "name", "-"))), file.read()
    else:
        name = _os.path.basename(_os.fspath(file))
        with _builtins.open(file, "rb") as opened:
            body = opened.read()
    _call("display", mime, name, body=body)


def open(port, path="/"):
    """Previews what a server of this machine serves at that port."""
    _call("open", str(int(port)), path)


def fetch(url):
    """The bytes of a file on the web; Error if its host is not allowed or does not answer."""
    return _call("fetch", url)


def _call(verb, *words, body=b""):
    """One call: gives its standard output, passes its standard error on when all went well."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    with connection:
        try:
            connection.connect(_SOCKET)
        except OSError as error:
            raise Error(f"the notebook does not answer: {error.strerror}", 1) from None
        strings = [_os.environ.get("KROMA_TERMINAL", ""), verb, *words]
        try:
            _send(connection, _CALL, b"\x01" + b"".join(word.encode() + b"\0" for word in strings))
            for at in range(0, len(body), _PAYLOAD):
                _send(connection, _DATA, body[at : at + _PAYLOAD])
            _send(connection, _END, b"")
        except (BrokenPipeError, ConnectionResetError):
            pass  # The answer says why.
        return _answer(connection)


def _send(connection, kind, payload):
    connection.sendall(_struct.pack("<IB", len(payload), kind) + payload)


def _answer(connection):
    output, errors = [], []
    with connection.makefile("rb") as answers:
        while len(head := answers.read(5)) == 5:
            size, kind = _struct.unpack("<IB", head)
            payload = answers.read(size)
            if kind == _OUT:
                output.append(payload)
            elif kind == _ERR:
                errors.append(payload)
            elif kind == _EXIT:
                said = b"".join(errors).decode(errors="replace")
                if payload[0] != 0:
                    raise Error(said.strip().removeprefix("kroma: ") or f"status {payload[0]}", payload[0])
                _sys.stderr.write(said)
                return b"".join(output)
    raise Error("the notebook hung up", 1)
