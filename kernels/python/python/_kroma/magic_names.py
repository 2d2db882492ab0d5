"""Magics about names, the session, and what is shown."""

import contextlib
import inspect
import io
import re
import sys

from . import bridge, display, tracebacks
from .magics import UsageError, list_names, cell, cell_magics, inquire, line, line_magics


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
def pdef(shell, text):
    """The signature of a name."""
    print(f"{text.strip()}{inspect.signature(eval(text, shell.user_ns))}")


@line()
def pfile(shell, text):
    """The file that a name was defined in."""
    value = eval(text, shell.user_ns)
    print(inspect.getsource(value if inspect.ismodule(value) else inspect.getmodule(value)))


@line()
def psearch(shell, text):
    """The names that match: %psearch a*"""
    inquire(shell, text.strip() if "*" in text else f"{text.strip()}*", 1)


@line()
def precision(shell, text):
    """How floats are shown: a number of digits (%precision 3), a format (%precision %.3e), or nothing for all."""
    try:
        return shell.display_formatter.formatters["text/plain"].set_precision(text.strip())
    except (ValueError, TypeError):
        raise UsageError("%precision takes a number of digits or a format like %.3e.") from None


@line()
def lsmagic(shell, text):
    """The magics that exist."""
    print(f"Line magics:\n{list_names('%', line_magics)}\n\nCell magics:\n{list_names('%%', cell_magics)}")


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
line_magics["pdb"] = _ignore("Taken kindly: there is no debugger prompt here.")
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


# -- showing ------------------------------------------------------------------------------------------------------------


def _shower(name, mime, shown):
    def run(shell, text, body, **place):
        display.publish({mime: body if body.endswith("\n") else body + "\n", "text/plain": f"<IPython.core.display.{shown} object>"})

    run.__doc__ = f"Shows the cell as {mime}."
    cell(name)(run)


for _kind, _mime, _shown in (
    ("html", "text/html", "HTML"),
    ("HTML", "text/html", "HTML"),
    ("markdown", "text/markdown", "Markdown"),
    ("latex", "text/latex", "Latex"),
    ("javascript", "application/javascript", "Javascript"),
    ("js", "application/javascript", "Javascript"),
    ("svg", "image/svg+xml", "SVG"),
    ("SVG", "image/svg+xml", "SVG"),
):
    _shower(_kind, _mime, _shown)


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
            value = await shell.run_source(body, filename, offset)
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
    return await shell.run_source(body, filename, offset)
