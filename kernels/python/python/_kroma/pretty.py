"""Text of values as IPython prints them: types and functions by their names, long containers broken over lines.

The layout is Oppen's: text goes into groups with places where a line may break, and when a line gets too long the
outermost group that still stands on one line is broken at all its places. Objects with `_repr_pretty_(p, cycle)`
write themselves through `p`, so the printer's methods have the names that IPython's has.
"""

import collections
import contextlib
import datetime
import inspect
import re
import types

WIDTH = 79
# Longer sequences are cut, as in IPython.
MOST_ITEMS = 1000
UNQUALIFIED = (None, "builtins", "exceptions")


class Group:
    def __init__(self, depth):
        self.depth = depth
        self.places = collections.deque()
        self.broken = False


class Place:
    """Where a line may break: a separator as long as its group stands on one line."""

    def __init__(self, group, separator, indentation):
        self.group, self.separator, self.indentation = group, separator, indentation
        self.width = len(separator)


class Printer:
    """What `_repr_pretty_` gets as `p`."""

    def __init__(self, width=WIDTH, most_items=MOST_ITEMS, verbose=False):
        self.max_width, self.max_seq_length, self.verbose = width, most_items, verbose
        self.indentation = 0
        # Ids of the objects being printed, from the outside in.
        self.stack = []
        self._written = []
        self._column = 0
        # What may still be laid out in another way: texts and places.
        self._pending = collections.deque()
        self._pending_width = 0
        root = Group(0)
        self._groups = [root]
        # Groups that are on one line so far, by depth.
        self._flat = [[root]]

    # -- what objects call --------------------------------------------------------------------------------------

    def text(self, text):
        """Adds text without a place to break."""
        if self._pending:
            self._pending.append(text)
            self._pending_width += len(text)
            self._break_long_line()
        else:
            self._written.append(text)
            self._column += len(text)

    def breakable(self, sep=" "):
        """Adds a separator where the line may break."""
        group = self._groups[-1]
        if group.broken:
            self.break_()
            return
        place = Place(group, sep, self.indentation)
        group.places.append(place)
        self._pending.append(place)
        self._pending_width += place.width
        self._break_long_line()

    def break_(self):
        """Breaks the line here."""
        self.flush()
        self._newline(self.indentation)

    def begin_group(self, indent=0, open=""):
        if open:
            self.text(open)
        group = Group(self._groups[-1].depth + 1)
        self._groups.append(group)
        while len(self._flat) <= group.depth:
            self._flat.append([])
        self._flat[group.depth].append(group)
        self.indentation += indent

    def end_group(self, dedent=0, close=""):
        self.indentation -= dedent
        group = self._groups.pop()
        if not group.places:
            self._forget(group)
        if close:
            self.text(close)

    @contextlib.contextmanager
    def group(self, indent=0, open="", close=""):
        self.begin_group(indent, open)
        try:
            yield
        finally:
            self.end_group(indent, close)

    @contextlib.contextmanager
    def indent(self, indent):
        self.indentation += indent
        try:
            yield
        finally:
            self.indentation -= indent

    def pretty(self, value):
        """Adds any value."""
        key = id(value)
        cycle = key in self.stack
        self.stack.append(key)
        self.begin_group()
        try:
            _printer_of(value)(value, self, cycle)
        finally:
            self.end_group()
            self.stack.pop()

    def flush(self):
        """Writes all that is pending as it stands."""
        while self._pending:
            self._write(self._pending.popleft())
        self._pending_width = 0

    # -- layout -------------------------------------------------------------------------------------------------

    def result(self):
        self.flush()
        return "".join(self._written)

    def _newline(self, indentation):
        self._written.append("\n" + " " * indentation)
        self._column = indentation

    def _write(self, item):
        if isinstance(item, str):
            self._written.append(item)
            self._column += len(item)
            self._pending_width -= len(item)
            return
        group = item.group
        group.places.popleft()
        self._pending_width -= item.width
        if group.broken:
            self._newline(item.indentation)
            return
        if not group.places:
            self._forget(group)
        self._written.append(item.separator)
        self._column += item.width

    def _break_long_line(self):
        while self._column + self._pending_width > self.max_width:
            group = self._outermost()
            if group is None:
                return
            while group.places:
                self._write(self._pending.popleft())
            while self._pending and isinstance(self._pending[0], str):
                self._write(self._pending.popleft())

    def _outermost(self):
        """The outermost group with places, marked as broken; those around it break from now on too."""
        for level in self._flat:
            for group in reversed(level):
                if group.places:
                    level.remove(group)
                    group.broken = True
                    return group
            for group in level:
                group.broken = True
            level.clear()
        return None

    def _forget(self, group):
        level = self._flat[group.depth]
        if group in level:
            level.remove(group)


def pretty(value, width=WIDTH, most_items=MOST_ITEMS, verbose=False):
    """The value as text."""
    printer = Printer(width, most_items, verbose)
    printer.pretty(value)
    return printer.result()


# -- by type ------------------------------------------------------------------------------------------------------


def by_repr(value, p, cycle):
    """Adds repr(value), its lines under one another."""
    for number, line in enumerate(repr(value).split("\n")):
        if number:
            p.break_()
        p.text(line)


def _items(p, values):
    for index, value in enumerate(values):
        if index:
            p.text(",")
            p.breakable()
        if p.max_seq_length and index >= p.max_seq_length:
            p.text("...")
            return
        yield value


def _sequence(start, end):
    def show(value, p, cycle):
        if cycle:
            p.text(f"{start}...{end}")
            return
        p.begin_group(len(start), start)
        for item in _items(p, value):
            p.pretty(item)
        if len(value) == 1 and isinstance(value, tuple):
            p.text(",")
        p.end_group(len(start), end)

    return show


def _set(start, end):
    def show(value, p, cycle):
        if cycle or not value:
            p.text(f"{start}...{end}" if cycle else f"{type(value).__name__}()")
            return
        items = value
        if len(value) < (p.max_seq_length or len(value) + 1):
            try:
                items = sorted(value)
            except Exception:
                pass
        p.begin_group(len(start), start)
        for item in _items(p, items):
            p.pretty(item)
        p.end_group(len(start), end)

    return show


def _mapping(value, p, cycle):
    if cycle:
        p.text("{...}")
        return
    p.begin_group(1, "{")
    for key in _items(p, value):
        p.pretty(key)
        p.text(": ")
        p.pretty(value[key])
    p.end_group(1, "}")


def _call(p, name, *arguments, **named):
    start = f"{name}("
    p.begin_group(len(start), start)
    for index, (key, argument) in enumerate([(None, item) for item in arguments] + list(named.items())):
        if index:
            p.text(",")
            p.breakable()
        if key is not None:
            p.text(f"{key}=")
        p.pretty(argument)
    p.end_group(len(start), ")")


def _constructor(arguments):
    def show(value, p, cycle):
        name = "namespace" if type(value) is types.SimpleNamespace else type(value).__name__
        if cycle:
            p.text(f"{name}(...)")
        else:
            values, named = arguments(value)
            _call(p, name, *values, **named)

    return show


def _name(value):
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "<unnamed>")
    return name if module in UNQUALIFIED else f"{module}.{name}"


def _type(value, p, cycle):
    own = next((kind for kind in type(value).__mro__ if "__repr__" in vars(kind)), None)
    if own is not type:
        by_repr(value, p, cycle)
    else:
        p.text(_name(value))


def _function(value, p, cycle):
    try:
        told = _name(value) + str(inspect.signature(value))
    except (ValueError, TypeError):
        told = _name(value)
    p.text(f"<function {told}>")


def _exception(value, p, cycle):
    name = _name(type(value))
    if cycle:
        p.text(f"{name}(...)")
    else:
        _call(p, name, *getattr(value, "args", ()))


FLAGS = ("IGNORECASE", "LOCALE", "MULTILINE", "DOTALL", "UNICODE", "VERBOSE", "DEBUG")


def _pattern(value, p, cycle):
    text = repr(value.pattern)
    raw = ("r" + text).replace("\\\\", "\\")
    p.begin_group(len("re.compile("), "re.compile(")
    p.text(raw)
    flags = [f"re.{name}" for name in FLAGS if value.flags & getattr(re, name)]
    if flags:
        p.text(",")
        p.breakable()
        p.text("|".join(flags))
    p.end_group(len("re.compile("), ")")


def _by_default(value, p, cycle):
    kind = type(value)
    if kind.__repr__ is not object.__repr__:
        by_repr(value, p, cycle)
        return
    p.begin_group(1, "<")
    p.pretty(kind)
    p.text(f" at 0x{id(value):x}")
    p.end_group(1, ">")


def _ordered(value):
    return ([list(value.items())] if value else []), {}


PRINTERS = {
    int: by_repr,
    float: by_repr,
    str: by_repr,
    bytes: by_repr,
    list: _sequence("[", "]"),
    tuple: _sequence("(", ")"),
    dict: _mapping,
    set: _set("{", "}"),
    frozenset: _set("frozenset({", "})"),
    type: _type,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
    types.MethodType: by_repr,
    types.SimpleNamespace: _constructor(lambda value: ((), vars(value))),
    types.MappingProxyType: _constructor(lambda value: ((dict(value),), {})),
    BaseException: _exception,
    re.Pattern: _pattern,
    datetime.datetime: by_repr,
    datetime.timedelta: by_repr,
    collections.defaultdict: _constructor(lambda value: ((value.default_factory, dict(value)), {})),
    collections.OrderedDict: _constructor(_ordered),
    collections.Counter: _constructor(lambda value: (([dict(value.most_common())] if value else []), {})),
    collections.deque: _constructor(
        lambda value: ((list(value),), {} if value.maxlen is None else {"maxlen": value.maxlen})
    ),
    collections.UserList: _constructor(lambda value: ((value.data,), {})),
}
# Printers for types that may not be imported yet: (module, name) -> printer.
NAMED_PRINTERS = {}


def _printer_of(value):
    kind = type(value)
    for base in kind.__mro__:
        found = PRINTERS.get(base) or NAMED_PRINTERS.get((base.__module__, base.__name__))
        if found is not None:
            return found
        own = vars(base)
        if callable(own.get("_repr_pretty_")):
            return lambda value, p, cycle: value._repr_pretty_(p, cycle)
        if base is not object and callable(own.get("__repr__")):
            return by_repr
    return _by_default


def for_type(kind, function=None):
    """The printer of a type (or of its name "module.Type"), after setting it if `function` is given."""
    if isinstance(kind, str):
        module, _, name = kind.rpartition(".")
        return for_type_by_name(module, name, function)
    before = PRINTERS.get(kind)
    if function is not None:
        PRINTERS[kind] = function
    return before


def for_type_by_name(module, name, function=None):
    """The same for a type that may not be imported."""
    before = NAMED_PRINTERS.get((module, name))
    if function is not None:
        NAMED_PRINTERS[module, name] = function
    return before
