"""The tables of magics (`%name`, `%%name`), and `name?`. The magics themselves are in magic_*.py."""

import ast
import builtins
import difflib
import fnmatch
import inspect
import re

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
        raise UsageError(f"Line magic `%{name}` is not there.{hint or _alike('%', name, line_magics)} `%lsmagic` lists all.")
    return function(shell, text)


def call_cell(shell, name, text, body, filename="<cell>", offset=1):
    function = cell_magics.get(name)
    if function is None:
        hint = f" `%{name}` exists, as a line." if name in line_magics else ""
        raise UsageError(f"Cell magic `%%{name}` is not there.{hint or _alike('%%', name, cell_magics)} `%lsmagic` lists all.")
    return function(shell, text, body, filename=filename, offset=offset)


def _alike(prefix, name, table):
    found = difflib.get_close_matches(name, table, 1)
    return f" Did you mean `{prefix}{found[0]}`?" if found else ""


def list_names(prefix, table):
    return ", ".join(prefix + name for name in sorted(table) if name.isidentifier())


# -- commands -----------------------------------------------------------------------------------------------------------

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


# -- name? --------------------------------------------------------------------------------------------------------------


def inquire(shell, name, level):
    """Prints what `name?` tells: signature, documentation; source for `??`."""
    name = name.strip()
    if name.startswith("%"):
        bare = name.lstrip("%")
        function = (cell_magics if name.startswith("%%") else line_magics).get(bare) or cell_magics.get(bare)
        if function is None:
            raise UsageError(f"Magic `{name}` is not there. `%lsmagic` lists all.")
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
