"""Magics that run code: time, packages, commands, other files, captured output."""

import math
import os
import re
import shlex
import sys
import time
import timeit

from .commands import run_command
from .magics import UsageError, cell, interpolate, line, line_magics


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
        return await shell.run_source(body, filename, offset)


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


# -- packages -----------------------------------------------------------------------------------------------------------


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


# -- files and system ---------------------------------------------------------------------------------------------------


@line()
def cd(shell, text):
    """Changes the directory; without a name, back to the workspace."""
    path = text.strip().strip("'\"")
    if path == "-":
        path = shell.user_ns.get("_oldpwd") or os.getcwd()
    shell.user_ns["_oldpwd"] = os.getcwd()
    os.chdir(os.path.expanduser(path or "/workspace"))
    print(os.getcwd())


directories = []


@line()
def pushd(shell, text):
    """Changes the directory and remembers this one for %popd."""
    directories.append(os.getcwd())
    cd(shell, text)
    return list(reversed(directories))


@line()
def popd(shell, text):
    """Back to the directory before the last %pushd."""
    if not directories:
        raise UsageError("%popd comes after a %pushd.")
    cd(shell, directories.pop())


@line()
def dirs(shell, text):
    """The directories that %popd goes back to."""
    return list(reversed(directories))


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
