"""The magics: `%name` and `%%name`, `!command`, and `name?`."""

import ast
import builtins
import contextlib
import fnmatch
import inspect
import io
import math
import os
import re
import shlex
import sys
import time
import timeit

from . import bridge, display, tracebacks

line_magics = {}
cell_magics = {}


class UsageError(Exception):
    """A magic that does not exist or was used wrongly."""

    __module__ = "builtins"  # so that a traceback gives its bare name


class Lines(list):
    """The lines that a command printed, as IPython's SList: `.n` joined by newlines, `.s` by spaces."""

    @property
    def n(self):
        return "\n".join(self)

    nlstr = n

    @property
    def s(self):
        return " ".join(self)

    spstr = s
    l = list = property(list)

    def grep(self, pattern, prune=False):
        found = re.compile(pattern, re.I).search if isinstance(pattern, str) else pattern
        return Lines(line for line in self if bool(found(line)) is not prune)

    def fields(self, *numbers):
        rows = [line.split() for line in self]
        if not numbers:
            return rows
        return Lines(" ".join(row[i] for i in numbers if i < len(row)) for row in rows)


def line(name=None):
    def add(function):
        line_magics[name or function.__name__.rstrip("_")] = function
        return function

    return add


def cell(*names):
    def add(function):
        for name in names or (function.__name__.rstrip("_"),):
            cell_magics[name] = function
        return function

    return add


def register(kind, name, function):
    """For magics that users write."""
    if kind in ("line", "line_cell"):
        line_magics[name] = lambda shell, text: function(text)
    if kind in ("cell", "line_cell"):
        cell_magics[name] = lambda shell, text, body, **place: function(text, body)


def register_classes(shell, classes):
    """Instances or classes marked by IPython.core.magic's decorators."""
    for owner in classes:
        instance = owner(shell) if inspect.isclass(owner) else owner
        for name in dir(instance):
            method = getattr(instance, name)
            for kind, magic_name in getattr(method, "_kroma_magic", ()):
                register(kind, magic_name, method)


def call_line(shell, name, text):
    function = line_magics.get(name)
    if function is None:
        hint = f" `%%{name}` exists, as the first line of a cell." if name in cell_magics else ""
        raise UsageError(f"Line magic `%{name}` is not there.{hint} There are: {_names('%', line_magics)}")
    return function(shell, text)


def call_cell(shell, name, text, body, filename="<cell>", offset=1):
    function = cell_magics.get(name)
    if function is None:
        hint = f" `%{name}` exists, as a line." if name in line_magics else ""
        raise UsageError(f"Cell magic `%%{name}` is not there.{hint} There are: {_names('%%', cell_magics)}")
    return function(shell, text, body, filename=filename, offset=offset)


def _names(prefix, table):
    return ", ".join(prefix + name for name in sorted(table) if name.isidentifier())


# -- commands -----------------------------------------------------------------------------------------------------

NAMED = re.compile(r"\$\$|\$([^\W\d]\w*)|\{\{|\}\}|\{([^{}]+)\}")


def interpolate(text, global_names, local_names, magic=False):
    """Puts values for `{expression}` and `$name`; what is no name of Python's stays (`$HOME`, `${x}`, awk's braces)."""
    if "{" not in text and "$" not in text:
        return text
    names = {**global_names, **local_names} if local_names is not global_names else global_names

    def value(match):
        whole, name, expression = match.group(0), match.group(1), match.group(2)
        if whole == "$$":
            return "$"
        if whole in ("{{", "}}"):
            return whole if magic else whole[0]
        if name is not None:
            return str(names[name]) if name in names else whole
        if match.start() and text[match.start() - 1] == "$":
            return whole
        try:
            return format(eval(expression, global_names, local_names))
        except Exception:
            try:
                return f"{{{expression}}}".format(**names)
            except Exception:
                return whole

    return NAMED.sub(value, text)


def run_command(shell, command, capture):
    """Asks the notebook's Linux shell. A failed command is no error, as in IPython; `_exit_code` tells."""
    folder = os.getcwd()
    go = f"cd {shlex.quote(folder)} || exit\n" if folder.startswith("/workspace/") else ""
    # In a shell of its own, in Python's directory: `!cd x` changes nothing for later cells.
    code = f"(\n{go}{command}\n)"
    reply = bridge.ask({"type": "kernel_request", "language": "shell", "code": code, "capture": capture})
    if reply is None or reply.get("status") == "aborted":
        why = (reply or {}).get("reason") or "it was stopped, or there is no Linux shell here"
        raise RuntimeError(f"The shell did not run `{command}`: {why}")
    shell.user_ns["_exit_code"] = reply.get("exitCode", 0 if reply.get("status") == "ok" else 1)
    text = reply.get("stdout") or ""
    return text.removesuffix("\n").removesuffix("\r") if capture else None


@cell("bash", "sh", "shell", "script", "!")
def bash(shell, text, body, **place):
    """Runs the cell in the Linux shell."""
    words = shlex.split(text)
    capture = None
    if "--out" in words:
        capture = words[words.index("--out") + 1]
    reply = bridge.ask({"type": "kernel_request", "language": "shell", "code": body, "capture": capture is not None})
    status = (reply or {}).get("status")
    if status == "aborted" or reply is None:
        raise RuntimeError("The shell did not run the cell: it was stopped, or there is no Linux shell here")
    if capture:
        shell.user_ns[capture] = reply.get("stdout") or ""
    code = reply.get("exitCode", 0 if status == "ok" else 1)
    shell.user_ns["_exit_code"] = code
    if status == "error" and "--no-raise-error" not in words:
        raise CommandFailed(f"the shell ended with exit status {code}")


class CommandFailed(Exception):
    """A %%bash cell that ended with another status than 0."""

    __module__ = "builtins"


# -- time ---------------------------------------------------------------------------------------------------------


def _seconds(value, precision=3):
    if value >= 60:
        minutes, rest = divmod(value, 60)
        hours, minutes = divmod(int(minutes), 60)
        return (f"{hours}h " if hours else "") + f"{minutes}min {rest:.0f}s"
    if value <= 0:
        return "0 ns"
    order = min(-int(math.floor(math.log10(value)) // 3), 3) if value < 1 else 0
    return f"{value * 1000**order:.{precision}g} {('s', 'ms', 'μs', 'ns')[order]}"


class _Clock:
    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *error):
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        print(f"CPU times: total: {_seconds(cpu)}\nWall time: {_seconds(wall)}")


@line("time")
async def time_line(shell, text):
    """Times one statement."""
    if not text:
        raise UsageError("%time needs a statement, as in `%time sum(range(10**6))`.")
    with _Clock():
        return await shell.execute(text, _name_code(text, "<%time>"))


@cell("time")
async def time_cell(shell, text, body, filename, offset):
    """Times the cell."""
    with _Clock():
        return await shell.run_python(body, filename, offset)


def _name_code(text, filename):
    import linecache

    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    return filename


def _timeit_options(text):
    number, repeat, quiet, give = 0, 7, False, False
    while match := re.match(r"-([nrpqocvt])\s*(\d*)\s*", text):
        option, value = match.groups()
        text = text[match.end() :]
        if option == "n":
            number = int(value)
        elif option == "r":
            repeat = int(value)
        elif option == "q":
            quiet = True
        elif option == "o":
            give = True
    return number, max(1, repeat), quiet, give, text


class TimeitResult:
    """What %timeit -o gives."""

    def __init__(self, loops, repeat, best, worst, all_runs):
        self.loops, self.repeat, self.best, self.worst, self.all_runs = loops, repeat, best, worst, all_runs
        self.timings = [run / loops for run in all_runs]
        self.average = math.fsum(self.timings) / len(self.timings)
        self.stdev = math.sqrt(math.fsum((x - self.average) ** 2 for x in self.timings) / len(self.timings))

    def __str__(self):
        runs, loops = ("run" if self.repeat == 1 else "runs"), ("loop" if self.loops == 1 else "loops")
        return (
            f"{_seconds(self.average)} ± {_seconds(self.stdev)} per loop "
            f"(mean ± std. dev. of {self.repeat} {runs}, {self.loops:,} {loops} each)"
        )

    def __repr__(self):
        return f"<TimeitResult : {self}>"


def _timeit(shell, text, body=None):
    number, repeat, quiet, give, statement = _timeit_options(text)
    setup = "pass"
    if body is not None:
        setup, statement = statement or "pass", body
    if not statement.strip():
        raise UsageError("%timeit needs a statement, as in `%timeit sorted(data)`.")
    from .transform import transform

    timer = timeit.Timer(transform(statement), transform(setup), globals=shell.user_ns)
    first = 0.0
    if not number:
        number = 1
        while True:
            first = timer.timeit(number)
            if first >= 0.2 or number >= 10**9:
                break
            number *= 10
    runs = timer.repeat(repeat, number)
    result = TimeitResult(number, repeat, min(runs) / number, max(runs) / number, runs)
    if not quiet:
        print(result)
    return result if give else None


@line("timeit")
def timeit_line(shell, text):
    """Times a statement by running it many times: -n loops, -r repeats, -q quiet, -o give the result."""
    return _timeit(shell, text)


@cell("timeit")
def timeit_cell(shell, text, body, **place):
    """Times the cell by running it many times; the first line is set-up."""
    return _timeit(shell, text, body)


# -- packages -----------------------------------------------------------------------------------------------------


@line()
async def pip(shell, text):
    """%pip install NAME[==VERSION] …, %pip list, %pip show NAME, %pip freeze, %pip uninstall NAME"""
    from . import packages

    # A comment starts at a word's start; a URL may have #sha256=….
    words = shlex.split(re.sub(r"(^|\s)#.*$", "", text))
    if not words:
        raise UsageError("%pip knows: install, list, freeze, show, uninstall.")
    verb, rest = words[0], words[1:]
    if verb == "install":
        await packages.install_words(rest)
    elif verb in ("list", "freeze"):
        rows = packages.installed()
        if verb == "freeze":
            print("\n".join(f"{name}=={version}" for name, version in rows))
        else:
            width = max([len(name) for name, _ in rows] + [7])
            print(f"{'Package':{width}} Version\n{'-' * width} -------")
            print("\n".join(f"{name:{width}} {version}" for name, version in rows))
    elif verb == "show":
        packages.show(rest)
    elif verb == "uninstall":
        packages.uninstall([word for word in rest if not word.startswith("-")])
    else:
        raise UsageError(f"%pip does not know `{verb}`; it knows: install, list, freeze, show, uninstall.")


line_magics["conda"] = line_magics["mamba"] = line_magics["uv"] = lambda shell, text: _other_installer()


def _other_installer():
    raise UsageError("Packages are installed with `%pip install NAME` here.")


# -- files and system ---------------------------------------------------------------------------------------------


@line()
def cd(shell, text):
    """Changes the directory; without a name, back to the workspace."""
    path = text.strip().strip("'\"")
    if path == "-":
        path = shell.user_ns.get("_oldpwd") or os.getcwd()
    shell.user_ns["_oldpwd"] = os.getcwd()
    os.chdir(os.path.expanduser(path or "/workspace"))
    print(os.getcwd())


@line()
def pwd(shell, text):
    """The current directory."""
    return os.getcwd()


@line()
def ls(shell, text):
    """Lists files: %ls [-a] [-l] [PATH or PATTERN …]"""
    import glob

    words = shlex.split(text)
    options = "".join(word[1:] for word in words if word.startswith("-"))
    paths = [word for word in words if not word.startswith("-")] or ["."]
    found = []
    for pattern in paths:
        matches = glob.glob(os.path.expanduser(pattern)) if glob.has_magic(pattern) else [os.path.expanduser(pattern)]
        if not matches:
            raise FileNotFoundError(2, "No such file or directory", pattern)
        for path in matches:
            if os.path.isdir(path) and not glob.has_magic(pattern):
                found += [(name, os.path.join(path, name)) for name in os.listdir(path)]
            else:
                os.lstat(path)
                found.append((path, path))
    rows = sorted(row for row in found if "a" in options or not os.path.basename(row[0]).startswith("."))
    for name, path in rows:
        suffix = "/" if os.path.isdir(path) else ""
        if "l" in options:
            stat = os.lstat(path)
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(stat.st_mtime))
            print(f"{stat.st_size:>12} {when} {name}{suffix}")
        else:
            print(f"{name}{suffix}")


line_magics["ll"] = lambda shell, text: ls(shell, f"-l {text}")


def _file_command(name):
    def run(shell, text):
        return run_command(shell, f"{name} {text}", False)

    run.__doc__ = f"Runs `{name}` in the Linux shell."
    return run


for _command in ("cat", "cp", "mv", "rm", "mkdir", "rmdir", "less", "man"):
    line_magics[_command] = _file_command(_command)


@line()
def sx(shell, text):
    """Runs a command and gives its lines."""
    output = run_command(shell, text, True)
    return Lines(output.split("\n") if output else [])


@line()
def system(shell, text):
    """Runs a command and gives its lines."""
    return sx(shell, text)


@line()
def env(shell, text):
    """%env, %env NAME, %env NAME=VALUE"""
    text = text.strip()
    if not text:
        return dict(os.environ)
    if "=" in text or " " in text:
        name, _, value = text.partition("=" if "=" in text else " ")
        os.environ[name.strip()] = value.strip()
        print(f"env: {name.strip()}={value.strip()}")
        return None
    if text not in os.environ:
        raise UsageError(f"There is no environment variable {text}.")
    return os.environ[text]


@line()
def set_env(shell, text):
    """%set_env NAME=VALUE"""
    if not text.strip():
        raise UsageError("%set_env needs a name and a value, as in `%set_env DEBUG=1`.")
    return env(shell, text)


@line()
async def run(shell, text):
    """Runs a Python file (or .ipynb notebook) as `__main__`, then keeps its names: %run [-i] FILE [arguments]"""
    import json as json_module

    words = shlex.split(text)
    while words and words[0].startswith("-"):
        words.pop(0)
    if not words:
        raise UsageError("%run needs the name of a file, as in `%run analysis.py`.")
    path = words[0] if os.path.exists(words[0]) or words[0].endswith((".py", ".ipynb")) else words[0] + ".py"
    if not os.path.exists(path):
        raise FileNotFoundError(2, "%run found no such file", path)
    with open(path, encoding="utf-8") as file:
        source = file.read()
    before = sys.argv, shell.user_ns.get("__file__")
    sys.argv = words
    shell.user_ns["__file__"] = os.path.abspath(path)
    try:
        if path.endswith(".ipynb"):
            for number, item in enumerate(json_module.loads(source)["cells"], 1):
                if item["cell_type"] == "code":
                    code = "".join(item["source"])
                    await shell.run_source(code, _name_code(code, f"{path}[{number}]"))
        else:
            from .transform import transform

            code = transform(source) if path.endswith(".ipy") else source
            from . import packages

            await packages.load_imports(code)
            await shell.execute(code, os.path.abspath(path))
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    finally:
        sys.argv = before[0]
        if before[1] is None:
            shell.user_ns.pop("__file__", None)
        else:
            shell.user_ns["__file__"] = before[1]


@line()
def load(shell, text):
    """Shows a file's text, to copy from."""
    with open(text.strip(), encoding="utf-8") as file:
        print(file.read())


@line()
def pycat(shell, text):
    """Shows a file's text."""
    load(shell, text)


@cell("writefile", "file")
def writefile(shell, text, body, **place):
    """Writes the cell to a file: %%writefile [-a] FILE"""
    words = shlex.split(text)
    append = bool(words) and words[0] in ("-a", "--append")
    if append:
        words.pop(0)
    if len(words) != 1:
        raise UsageError("%%writefile needs one file name, as in `%%writefile data/a.csv`.")
    path = os.path.expanduser(interpolate(words[0], shell.user_ns, shell.user_ns, magic=True))
    print(("Appending to" if append else "Overwriting" if os.path.exists(path) else "Writing") + f" {path}")
    with open(path, "a" if append else "w", encoding="utf-8") as file:
        file.write(body if body.endswith("\n") or not body else body + "\n")


# -- names --------------------------------------------------------------------------------------------------------


def _variables(shell, text):
    wanted = text.split()
    for name in sorted(shell.user_ns):
        value = shell.user_ns[name]
        if name.startswith("_") or name in shell.hidden or inspect.ismodule(value) and not wanted:
            continue
        if wanted and type(value).__name__ not in wanted:
            continue
        yield name, value


@line()
def who(shell, text):
    """The names that you defined."""
    names = [name for name, _ in _variables(shell, text)]
    print("\t ".join(names) if names else "Interactive namespace is empty.")


@line()
def who_ls(shell, text):
    """The names that you defined, as a list."""
    return [name for name, _ in _variables(shell, text)]


@line()
def whos(shell, text):
    """The names that you defined, with types and values."""
    rows = []
    for name, value in _variables(shell, text):
        kind = type(value).__name__
        try:
            shape = getattr(value, "shape", None)
            told = f"n={len(value)}" if isinstance(value, (list, tuple, dict, set)) else repr(value)
            if isinstance(shape, tuple):
                told = f"{'x'.join(map(str, shape))}: {getattr(value, 'dtype', '')}"
        except Exception:
            told = "?"
        rows.append((name, kind, told.replace("\n", " ")[:60]))
    if not rows:
        print("Interactive namespace is empty.")
        return
    first = max(8, *(len(row[0]) for row in rows))
    second = max(4, *(len(row[1]) for row in rows))
    print(f"{'Variable':{first}}   {'Type':{second}}   Data/Info\n{'-' * (first + second + 15)}")
    for name, kind, told in rows:
        print(f"{name:{first}}   {kind:{second}}   {told}")


@line()
def reset(shell, text):
    """Forgets all your names. (It does not ask.)"""
    shell.reset()


@line()
def reset_selective(shell, text):
    """Forgets the names that match a regular expression."""
    pattern = re.compile(text.replace("-f", "").strip())
    for name, _ in list(_variables(shell, "")):
        if pattern.search(name):
            del shell.user_ns[name]


@line("del")
def del_(shell, text):
    """Forgets one name."""
    del shell.user_ns[text.strip()]


@line("xdel")
def xdel(shell, text):
    """Forgets one name."""
    del shell.user_ns[text.strip()]


@line()
def history(shell, text):
    """The cells that ran: %history [-n]"""
    for number, source in enumerate(shell.history[1:-1], 1):
        print(f"{number}: {source}" if "-n" in text.split() else source)


line_magics["hist"] = history


@line()
def pinfo(shell, text):
    """What `name?` shows."""
    inquire(shell, text, 1)


@line()
def pinfo2(shell, text):
    """What `name??` shows."""
    inquire(shell, text, 2)


@line()
def pdoc(shell, text):
    """The documentation of a name."""
    print(inspect.getdoc(eval(text, shell.user_ns)) or "No documentation.")


@line()
def psource(shell, text):
    """The source of a name."""
    print(inspect.getsource(eval(text, shell.user_ns)))


@line()
def precision(shell, text):
    """Taken kindly; use format() for numbers."""


@line()
def lsmagic(shell, text):
    """The magics that exist."""
    print(f"Line magics:\n{_names('%', line_magics)}\n\nCell magics:\n{_names('%%', cell_magics)}")


line_magics["magic"] = line_magics["quickref"] = lsmagic


@line()
def matplotlib(shell, text):
    """Figures are always shown below the cell; the other backends need a screen of their own."""
    kind = text.strip()
    if kind and kind not in ("inline", "--list", "-l", "agg", "notebook", "widget", "ipympl"):
        print(f"Figures are shown inline here; `{kind}` needs a desktop.", file=sys.stderr)


@line()
def pylab(shell, text):
    """Taken as %matplotlib inline."""


def _ignore(reason):
    def run(shell, text):
        return None

    run.__doc__ = reason
    return run


line_magics["autoreload"] = _ignore("Taken kindly: modules are reloaded by a restart.")
line_magics["config"] = _ignore("Taken kindly: there is nothing to configure.")
line_magics["autosave"] = _ignore("Taken kindly: every keystroke is saved.")
line_magics["colors"] = _ignore("Taken kindly: the theme decides.")
line_magics["autoawait"] = _ignore("Taken kindly: await works at the top level.")
line_magics["gui"] = _ignore("Taken kindly: there is no desktop.")
line_magics["pprint"] = line_magics["Pprint"] = _ignore("Taken kindly: results are printed prettily.")
line_magics["xmode"] = _ignore("Taken kindly: tracebacks are those of CPython.")


@line()
async def load_ext(shell, text):
    """Loads an extension if it is there; the usual ones that mean nothing here are taken kindly."""
    import importlib

    name = text.strip()
    if name in ("autoreload", "tensorboard", "memory_profiler", "line_profiler", "nb_black", "lab_black", "sql", "dotenv"):
        print(f"The extension `{name}` is not needed here, so it was passed over.", file=sys.stderr)
        return
    from . import packages

    await packages.load_imports(f"import {name}")
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"The extension `{name}` is not installed, so it was passed over.", file=sys.stderr)
        return
    if hasattr(module, "load_ipython_extension"):
        result = module.load_ipython_extension(shell)
        if inspect.isawaitable(result):
            await result


@line()
def reload_ext(shell, text):
    """Taken kindly."""


@line()
def tb(shell, text):
    """The last error again."""
    if getattr(sys, "last_exc", None) is None:
        print("No error so far.")
    else:
        bridge.post({"type": "error", **tracebacks.describe(sys.last_exc, "")})


@line()
def debug(shell, text):
    """There is no debugger prompt here."""
    raise UsageError("There is no debugger prompt here; `%tb` shows the last error again.")


@line()
def prun(shell, text):
    """Profiles a statement."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runctx(text, shell.user_ns, shell.user_ns)
    out = io.StringIO()
    pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(30)
    print(out.getvalue())


@cell("prun")
def prun_cell(shell, text, body, **place):
    """Profiles the cell."""
    prun(shell, body)


# -- showing ------------------------------------------------------------------------------------------------------


def _shower(name, mime):
    def run(shell, text, body, **place):
        display.publish({mime: body, "text/plain": f"<{name}>"})

    run.__doc__ = f"Shows the cell as {mime}."
    cell(name)(run)


for _kind, _mime in (
    ("html", "text/html"),
    ("HTML", "text/html"),
    ("markdown", "text/markdown"),
    ("latex", "text/latex"),
    ("javascript", "application/javascript"),
    ("js", "application/javascript"),
    ("svg", "image/svg+xml"),
    ("SVG", "image/svg+xml"),
):
    _shower(_kind, _mime)


class CapturedIO:
    """What %%capture NAME keeps: `.stdout`, `.stderr`, `.outputs`, `.show()`."""

    def __init__(self, stdout, stderr, outputs):
        self._stdout, self._stderr, self._outputs = stdout, stderr, outputs

    stdout = property(lambda self: self._stdout.getvalue())
    stderr = property(lambda self: self._stderr.getvalue())
    outputs = property(lambda self: [data for data, _ in self._outputs])

    def __str__(self):
        return self.stdout

    def show(self):
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for data, metadata in self._outputs:
            display.publish(data, metadata)

    __call__ = show


@cell()
async def capture(shell, text, body, filename, offset):
    """Keeps the cell's output from being shown: %%capture [NAME] [--no-stdout] [--no-stderr] [--no-display]"""
    words = text.split()
    stdout, stderr, outputs = io.StringIO(), io.StringIO(), []
    with contextlib.ExitStack() as stack:
        if "--no-stdout" not in words:
            stack.enter_context(contextlib.redirect_stdout(stdout))
        if "--no-stderr" not in words:
            stack.enter_context(contextlib.redirect_stderr(stderr))
        if "--no-display" not in words:
            display.captured = outputs
        try:
            value = await shell.run_python(body, filename, offset)
            if value is not None:
                display.display(value)
        finally:
            display.captured = None
    for word in words:
        if not word.startswith("-"):
            shell.user_ns[word] = CapturedIO(stdout, stderr, outputs)


@cell("python", "python3", "py", "pypy")
async def python(shell, text, body, filename, offset):
    """Runs the cell as Python: it is what cells do anyway."""
    return await shell.run_python(body, filename, offset)


# -- name? --------------------------------------------------------------------------------------------------------


def inquire(shell, name, level):
    """Prints what `name?` tells: signature, documentation; source for `??`."""
    name = name.strip()
    if name.startswith("%"):
        bare = name.lstrip("%")
        function = (cell_magics if name.startswith("%%") else line_magics).get(bare) or cell_magics.get(bare)
        if function is None:
            raise UsageError(f"Magic `{name}` is not there. There are: {_names('%', line_magics)}")
        print(f"{name}\n{inspect.getdoc(function) or ''}")
        return
    if "*" in name:
        names = {**vars(builtins), **shell.user_ns}
        print("\n".join(sorted(key for key in names if fnmatch.fnmatchcase(key, name))))
        return
    try:
        tree = ast.parse(name, mode="eval")
        if any(isinstance(node, ast.Call) for node in ast.walk(tree)):
            raise ValueError
        value = eval(name, shell.user_ns)
    except Exception:
        print(f"Object `{name}` not found.")
        return
    from .completion import describe

    print(describe(name, value, level))
