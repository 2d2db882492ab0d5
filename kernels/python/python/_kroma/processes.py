"""subprocess over the notebook's Linux shell: a program runs there, to its end, when its output is first needed.

So pipes to a running program are not possible: what it is given must be there before it starts. Programs see Python's
directory if it is in the workspace, and the changes to os.environ.
"""

import contextlib
import errno
import functools
import io
import os
import shlex
import signal
import subprocess
import sys

from . import bridge, commands

NOT_FOUND = "kroma: no such program"
# Seconds that a program may take, of the call that is being made.
limit = None


class Popen:
    """subprocess.Popen"""

    def __init__(
        self,
        args,
        bufsize=-1,
        executable=None,
        stdin=None,
        stdout=None,
        stderr=None,
        preexec_fn=None,
        close_fds=True,
        shell=False,
        cwd=None,
        env=None,
        universal_newlines=None,
        startupinfo=None,
        creationflags=0,
        restore_signals=True,
        start_new_session=False,
        pass_fds=(),
        *,
        text=None,
        encoding=None,
        errors=None,
        **options,
    ):
        self.args = args
        self.returncode = None
        self.pid = 0
        self.encoding = encoding or ("utf-8" if text or universal_newlines or errors else None)
        self._errors = errors or "strict"
        self._to = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        self._command = _command(args, executable, shell, cwd, env)
        self.stdin = _Input(self) if stdin == subprocess.PIPE else None
        self.stdout = self.stderr = None
        if self.stdin is None:
            self._run(b"")

    text_mode = property(lambda self: self.encoding is not None)

    def _run(self, data):
        source = self._to["stdin"]
        if source not in (None, subprocess.PIPE, subprocess.DEVNULL):
            data = _read(source)
        if self.stdin is not None:
            self.stdin.over = True
        command = self._command
        if limit is not None:
            command = f"timeout {max(limit, 0.001)} bash -c {shlex.quote(command)}"
        status, out, err = commands.run_apart(command, data)
        if limit is not None and status == 124:
            raise subprocess.TimeoutExpired(self.args, limit, output=out, stderr=err)
        if status == 127 and err.decode("utf-8", "replace").strip() == NOT_FOUND:
            name = self.args if isinstance(self.args, (str, bytes, os.PathLike)) else self.args[0]
            raise FileNotFoundError(errno.ENOENT, "No such program on the Linux machine", os.fsdecode(name))
        self.returncode = status if status <= 128 or status > 128 + signal.NSIG else 128 - status
        if self._to["stderr"] == subprocess.STDOUT:
            # The two were apart, so their order is lost.
            out, err = out + err, b""
        self.stdout = self._deliver("stdout", out, sys.stdout)
        self.stderr = None if self._to["stderr"] == subprocess.STDOUT else self._deliver("stderr", err, sys.stderr)

    def _deliver(self, name, data, shown):
        target = self._to[name]
        if target == subprocess.PIPE:
            if self.encoding is None:
                return io.BytesIO(data)
            return io.StringIO(self._decode(data))
        if target is None:
            shown.write(data.decode("utf-8", "replace"))
        elif isinstance(target, int):
            if target != subprocess.DEVNULL:
                os.write(target, data)
        else:
            target.flush()
            os.write(target.fileno(), data)
        return None

    def _decode(self, data):
        return data.decode(self.encoding, self._errors).replace("\r\n", "\n").replace("\r", "\n")

    def communicate(self, input=None, timeout=None):
        if self.returncode is None:
            given = self.stdin.getvalue()
            if input:
                given += input.encode(self.encoding) if isinstance(input, str) else bytes(input)
            self._run(given)
        return (
            None if self.stdout is None else self.stdout.read(),
            None if self.stderr is None else self.stderr.read(),
        )

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            self._run(self.stdin.getvalue())
        return self.returncode

    def send_signal(self, number):
        pass

    terminate = kill = lambda self: None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is None:
            self.wait()

    def __repr__(self):
        return f"<Popen: returncode: {self.returncode} args: {self.args!r}>"

    __class_getitem__ = classmethod(lambda cls, item: cls)


class _Input(io.RawIOBase):
    """The pipe to a program that starts when the pipe is closed or an answer is wanted."""

    def __init__(self, process):
        self.process = process
        self.parts = []
        self.over = False

    def writable(self):
        return True

    def write(self, data):
        if self.over:
            raise BrokenPipeError(errno.EPIPE, "The program has ended: it can't be given more input while it runs here")
        self.parts.append(data.encode(self.process.encoding) if isinstance(data, str) else bytes(data))
        return len(data)

    def getvalue(self):
        return b"".join(self.parts)

    def close(self):
        if not self.closed and not self.over:
            self.process._run(self.getvalue())
        super().close()

    def __del__(self):
        # One that was never closed never ran.
        self.over = True


def _command(args, executable, shell, cwd, env):
    if isinstance(args, (str, bytes, os.PathLike)):
        args = os.fsdecode(args)
        words = [args]
    else:
        words = [os.fsdecode(word) for word in args]
        args = words[0] if words else ""
    own = {sys.executable, os.path.basename(sys.executable or "python")} | {"python", "python3"}
    if not shell and words and words[0] in own:
        if words[1:3] == ["-m", "pip"]:
            raise NotImplementedError(f"Packages are installed with `%pip {shlex.join(words[3:])}` here.")
        if words[0] == sys.executable:
            raise NotImplementedError("Another Python can't be started here; use `%run FILE` or import the module.")
    code = ""
    if cwd is not None:
        code += f"cd {shlex.quote(os.path.join(os.getcwd(), os.fsdecode(cwd)))} || exit\n"
    for name, value in (env or {}).items():
        if env.get(name) != os.environ.get(name) and name.isidentifier():
            code += f"export {name}={shlex.quote(os.fsdecode(value))}\n"
    if shell:
        return code + (args if len(words) == 1 else shlex.join(["sh", "-c", *words]))
    program = shlex.quote(os.fsdecode(executable) if executable else words[0])
    check = f"command -v -- {program} >/dev/null || {{ echo '{NOT_FOUND}' >&2; exit 127; }}\n"
    return f"{code}{check}{shlex.join(words)}"


def _read(source):
    if isinstance(source, int):
        with os.fdopen(os.dup(source), "rb") as file:
            return file.read()
    data = source.read()
    return data.encode() if isinstance(data, str) else data


def _limited(function):
    """The function with its timeout told before the program starts, which is when it counts here."""

    @functools.wraps(function)
    def call(*arguments, timeout=None, **options):
        with _limit(timeout):
            return function(*arguments, timeout=timeout, **options)

    return call


@contextlib.contextmanager
def _limit(seconds):
    global limit
    before, limit = limit, seconds
    try:
        yield
    finally:
        limit = before


def setup():
    """Puts it into the standard library's module, whose other functions (run, check_output …) use it."""
    if not bridge.host.canBlock:
        return
    subprocess.Popen = Popen
    subprocess._can_fork_exec = True
    for name in ("run", "call"):
        setattr(subprocess, name, _limited(getattr(subprocess, name)))
