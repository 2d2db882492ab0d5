"""Standard streams, input and sleep.

Text is put into a buffer in the interpreter's own memory, which the worker empties by reading that memory: at the
latest when Python looks for signals 16 ms later, before every other message, and when the cell ends. So a print costs
no call to JavaScript, and no text waits for the next print. `owner` says whose text is in the buffer.
"""

import array
import builtins
import getpass
import io
import sys
import time

from . import bridge

CAPACITY = 1 << 16
NAMES = ("stdout", "stderr")


class Buffer:
    def __init__(self):
        self.bytes = array.array("B", bytes(CAPACITY))
        self.view = memoryview(self.bytes)
        # [bytes used, owner (index in NAMES), 1 = tell at once]
        self.state = array.array("I", [0, 0, 0])
        self.flushed = 0.0


buffer = None


class OutStream(io.TextIOBase):
    """sys.stdout and sys.stderr."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = False
    write_through = True

    def __init__(self, number):
        self.number = number
        self.name = f"<{NAMES[number]}>"
        self.buffer = OutBytes(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        data = text.encode("utf-8", "backslashreplace")
        self.write_bytes(data)
        return len(text)

    def write_bytes(self, data):
        size = len(data)
        state = buffer.state
        used = state[0]
        if used and state[1] != self.number:
            self.flush()
            used = 0
        if used + size > CAPACITY:
            self.flush()
            used = 0
            for start in range(0, size - CAPACITY, CAPACITY):
                buffer.view[:] = data[start : start + CAPACITY]
                state[0] = CAPACITY
                state[1] = self.number
                self.flush()
            rest = size % CAPACITY or min(size, CAPACITY)
            data = data[size - rest :]
            size = rest
        buffer.view[used : used + size] = data
        state[1] = self.number
        state[0] = used + size
        if data.endswith((b"\n", b"\r")) and time.perf_counter() - buffer.flushed > 0.016:
            self.flush()

    def flush(self):
        if buffer is not None and buffer.state[0]:
            buffer.flushed = time.perf_counter()
            bridge.host.drain()

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self.number + 1

    def reconfigure(self, **options):
        pass


class OutBytes(io.RawIOBase):
    """sys.stdout.buffer."""

    def __init__(self, stream):
        self.stream = stream

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self.stream.write_bytes(data)
        return len(data)

    def flush(self):
        self.stream.flush()


class InStream(io.TextIOBase):
    """sys.stdin: every line is asked for."""

    encoding = "utf-8"
    name = "<stdin>"

    def readable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return 0

    def readline(self, size=-1):
        reply = bridge.ask({"type": "input_request", "prompt": "", "password": False})
        if reply is None or reply.get("value") is None:
            return ""
        line = reply["value"]
        return line if line.endswith("\n") else line + "\n"

    def read(self, size=-1):
        lines = []
        while line := self.readline():
            lines.append(line)
            if 0 <= size <= sum(map(len, lines)):
                break
        return "".join(lines)

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def ask_line(prompt="", /):
    """Python's input()."""
    return _ask(str(prompt), False)


ask_line.__name__ = ask_line.__qualname__ = "input"


def ask_password(prompt="Password: ", stream=None, *, echo_char=None):
    """getpass.getpass."""
    return _ask(str(prompt), True)


def _ask(prompt, password):
    reply = bridge.ask({"type": "input_request", "prompt": prompt, "password": password})
    if reply is None or reply.get("value") is None:
        raise EOFError("nobody answered: the input has ended")
    return reply["value"]


def sleep(seconds, /):
    """time.sleep, which an interrupt ends at once."""
    if hasattr(seconds, "__index__"):
        seconds = seconds.__index__()
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"'{type(seconds).__name__}' object cannot be interpreted as an integer or float")
    if seconds != seconds:
        raise ValueError("Invalid value NaN (not a number)")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    bridge.host.sleep(float(seconds))


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def setup():
    """Puts everything in place; returns the addresses of the buffer and its state for the worker."""
    global buffer
    buffer = Buffer()
    sys.stdout = sys.__stdout__ = OutStream(0)
    sys.stderr = sys.__stderr__ = OutStream(1)
    sys.stdin = sys.__stdin__ = InStream()
    builtins.input = ask_line
    getpass.getpass = getpass.unix_getpass = getpass.win_getpass = ask_password
    if bridge.host.canBlock:
        time.sleep = sleep
    return [buffer.bytes.buffer_info()[0], buffer.state.buffer_info()[0]]
