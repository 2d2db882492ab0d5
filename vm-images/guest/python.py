"""Runs Python scripts for agent/python.c. `--zygote` loads NumPy once and makes a copy of itself for every script
that comes over /run/kroma/python.sock; `--once SCRIPT ...` runs one script in a Python of its own. Either way the
script sees what `python3 SCRIPT` shows it, had it lain in the current directory. SPEC.md P1 ... has the rules.
"""

import builtins
import os
import signal
import sys

SOCKET = "/run/kroma/python.sock"
STARTING = "/run/kroma/python.starting"
RUNNER = "/usr/lib/kroma/python.py"
LOCAL = "/usr/local/lib/python3.11/dist-packages"
# What scripts import most; NumPy brings much of the rest.
MODULES = "numpy argparse csv dataclasses json math random re statistics subprocess textwrap".split()

# The module that runs a script is no module of the script's: kept here, as sys.modules will forget it.
_this = sys.modules["__main__"]


def serve():
    """Loads the modules, then waits for scripts. Returns in a copy: the request, and what there was before it."""
    import fcntl  # noqa: F401 (for the copies)
    import gc
    import select
    import socket
    import struct

    for name in MODULES:
        __import__(name)
    ready = f"{SOCKET}.{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(ready)
    listener.listen(16)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    everything = signal.valid_signals()
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(wake, select.POLLIN)
    # A connection by its descriptor, and the process that it is for.
    calls = {}
    before = _stamp(LOCAL), _loaded()
    global _count
    _count = len(sys.modules)
    gc.collect()
    gc.freeze()
    # Only now may it be found.
    os.rename(ready, SOCKET)
    while True:
        for fd, event in poll.poll():
            if fd == wake:
                try:
                    os.read(wake, 4096)
                except BlockingIOError:
                    pass
                _reap(calls, poll, struct)
            elif fd == listener.fileno():
                call, _ = listener.accept()
                signal.pthread_sigmask(signal.SIG_BLOCK, everything)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return _request(call, struct), *before
                signal.pthread_sigmask(signal.SIG_UNBLOCK, everything)
                calls[call.fileno()] = call, pid
                poll.register(call, select.POLLRDHUP)
                try:
                    call.sendall(struct.pack("<i", pid))
                except OSError:
                    pass
            elif fd in calls:
                # Who asked is gone (killed): nobody would hear of the end.
                call, pid = calls[fd]
                poll.unregister(fd)
                for target in (-pid, pid):
                    try:
                        os.kill(target, signal.SIGKILL)
                        break
                    except ProcessLookupError:
                        pass


def _reap(calls, poll, struct):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for fd, (call, owner) in list(calls.items()):
            if owner != pid:
                continue
            del calls[fd]
            try:
                poll.unregister(fd)
            except KeyError:
                pass
            try:
                call.sendall(struct.pack("<i", status))
            except OSError:
                pass
            call.close()


def _request(call, struct):
    """Reads what a script is to be run with (P1)."""
    import socket

    data, fds, _, _ = socket.recv_fds(call, 4, 253)
    while len(data) < 4:
        data += _more(call, 4 - len(data))
    (size,) = struct.unpack("<I", data)
    text = b""
    while len(text) < size:
        text += _more(call, size - len(text))
    flags, mask, ignored, numbers, program, directory, *rest = text.split(b"\0")
    end = rest.index(b"")
    return {
        "unbuffered": b"u" in flags,
        "mask": int(mask),
        "ignored": [int(number) for number in ignored.split()],
        "files": dict(zip((int(number) for number in numbers.split()), fds)),
        "program": os.fsdecode(program),
        "directory": directory,
        "arguments": [os.fsdecode(word) for word in rest[:end]],
        "environment": dict(entry.split(b"=", 1) for entry in rest[end + 1 :] if b"=" in entry),
    }


def _more(call, size):
    part = call.recv(size)
    if not part:
        os._exit(1)
    return part


def become(request, before, loaded):
    """Makes this copy the process that was asked for. Gives the script and its arguments."""
    import time

    os.setsid()
    _place(request["files"])
    os.umask(request["mask"])
    try:
        os.chdir(request["directory"])
    except OSError:
        pass
    os.environ.clear()
    os.environb.update(request["environment"])
    time.tzset()
    for number in request["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    if signal.SIGINT not in request["ignored"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = request["arguments"]
    flags = ["-u"] if request["unbuffered"] else []
    changed = _stamp(LOCAL) != before
    if _is_shadowed(os.getcwd(), loaded) or (changed and _is_shadowed(LOCAL, loaded)):
        # A module of the user's own has the name of one that is loaded already.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execv(request["program"], [request["program"], *flags, RUNNER, "--once", *arguments])
    _open_streams(request["unbuffered"])
    sys.executable = request["program"]
    sys.orig_argv = [request["program"], *flags, *arguments]
    if changed:
        import importlib
        import site

        importlib.invalidate_caches()
        site.addsitedir(LOCAL)
    _reseed()
    return arguments


def _place(files):
    """Puts the descriptors where the caller has them, and closes all others."""
    import fcntl

    high = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 512) for number, fd in files.items()}
    os.closerange(0, 512)
    for number, fd in high.items():
        os.dup2(fd, number)
        os.close(fd)


def _open_streams(unbuffered):
    """Standard streams as Python opens them."""
    import io

    def stream(fd, name, old, errors):
        writes = fd != 0
        try:
            os.fstat(fd)
        except OSError:
            return None
        raw = unbuffered and writes
        buffer = io.open(fd, "wb" if writes else "rb", buffering=0 if raw else -1, closefd=False)
        (buffer if raw else buffer.raw).name = name
        lines = not raw and (fd == 2 or buffer.isatty())
        text = io.TextIOWrapper(buffer, old.encoding, errors, newline="\n", line_buffering=lines, write_through=raw)
        text.mode = "w" if writes else "r"
        return text

    sys.stdin = sys.__stdin__ = stream(0, "<stdin>", sys.__stdin__, sys.__stdin__.errors)
    sys.stdout = sys.__stdout__ = stream(1, "<stdout>", sys.__stdout__, sys.__stdout__.errors)
    sys.stderr = sys.__stderr__ = stream(2, "<stderr>", sys.__stderr__, "backslashreplace")


def _reseed():
    """Generators that were seeded before the copy was made must not give every copy the same numbers."""
    import random

    import numpy.random

    random.seed()
    numpy.random.seed()


def _stamp(path):
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _loaded():
    """Names of the modules that are loaded from files. Told before there are copies: to look is to copy their pages."""
    found = set()
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if "." not in name and origin not in (None, "built-in", "frozen"):
            found.add(name)
    return found


def _is_shadowed(folder, loaded):
    """True if a file of the folder would be imported in place of a module that is loaded."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        stem, _, rest = name.partition(".")
        if stem not in loaded:
            continue
        if rest == "py" or rest.endswith("so") or os.path.exists(os.path.join(folder, name, "__init__.py")):
            return True
    return False


def load(arguments):
    """Compiles a script and makes it the main module. Gives its code and names."""
    import types
    from importlib.machinery import SourceFileLoader

    script = arguments[0]
    sys.argv = arguments
    # The runner's own folder is what stands there.
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__annotations__ = {}
    main.__file__ = script
    main.__cached__ = None
    main.__loader__ = SourceFileLoader("__main__", script)
    sys.modules["__main__"] = main
    with open(script, "rb") as file:
        source = file.read()
    return source, main.__dict__


def failed(error):
    """Shows an error as Python does, without the line of this file. Gives the status, and True if it was an interrupt."""
    trace = error.__traceback__.tb_next
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        pass
    sys.excepthook(type(error), error, trace)
    return 1, isinstance(error, KeyboardInterrupt)


def exit_status(code):
    """What Python makes of the argument of sys.exit()."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    if sys.stderr is not None:
        print(code, file=sys.stderr, flush=True)
    return 1


def end(status, interrupted):
    """Ends a copy: what a script can see of Python's end, and not the taking apart of all that was there before it,
    which would copy every page of it first."""
    import atexit
    import gc
    import itertools
    import threading

    threading._shutdown()
    atexit._run_exitfuncs()
    status = _flush("stdout") or status
    # The main module and those that the script imported go, and what they hold with them; the rest is frozen.
    for name in list(itertools.islice(reversed(sys.modules), max(0, len(sys.modules) - _count))):
        del sys.modules[name]
    sys.modules.pop("__main__", None)
    sys.last_type = sys.last_value = sys.last_traceback = None
    gc.collect()
    status = _flush("stdout") or status
    _flush("stderr")
    if interrupted:
        _die_of_interrupt()
    os._exit(status)


def _flush(name):
    """Python's status when the last of its output cannot be written, which it tells."""
    stream = getattr(sys, name, None)
    try:
        if stream is not None and not stream.closed:
            stream.flush()
    except Exception as error:
        setattr(sys, name, None)
        print(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}", file=sys.stderr)
        return 120
    return 0


def _die_of_interrupt():
    """An interrupted Python ends by the signal, after all else."""
    _flush("stdout")
    _flush("stderr")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


_is_copy = sys.argv[1:2] == ["--zygote"]
# How many modules were there before the script.
_count = 0
if _is_copy:
    _arguments = become(*serve())
else:
    _arguments = sys.argv[2:]
    sys.orig_argv = [word for word in sys.orig_argv if word not in (RUNNER, "--once")]
    # What is registered first comes last.
    __import__("atexit").register(lambda: _interrupted and _die_of_interrupt())
_status, _interrupted, _names, _code = 0, False, {}, None
try:
    _source, _names = load(_arguments)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    _code = compile(_source, _arguments[0], "exec", dont_inherit=True)
    del _source
    exec(_code, _names)
except SystemExit as _error:
    if not _is_copy:
        raise
    _status = exit_status(_error.code)
except BaseException as _error:
    # An error of the compiler has only the line of this file.
    _status, _interrupted = failed(_error)
if _is_copy:
    del _names, _code
    end(_status, _interrupted)
if _status:
    sys.exit(_status)
