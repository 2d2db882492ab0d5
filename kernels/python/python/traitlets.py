"""A small stand-in for traitlets, used only while the package is not installed: enough for anywidget's classes.

Types are checked; `.tag(sync=True)` shares an attribute with the page; `observe` and `validate` work as decorators.
"""

from _kroma.widget import synced

__version__ = "5.14.3+kroma"
All = "All"


class TraitError(Exception):
    """A value of the wrong type."""


class TraitType(synced):
    kinds = ()
    empty = None

    def __init__(self, default_value=..., allow_none=False, help=None, **options):
        super().__init__(self.empty if default_value is ... else default_value)
        self.allow_none = allow_none
        self.metadata = {}

    def tag(self, **metadata):
        self.metadata.update(metadata)
        return self

    def check(self, value):
        if self.kinds and not (value is None and (self.allow_none or self.default is None)):
            if not isinstance(value, self.kinds) or (isinstance(value, bool) and bool not in self.kinds):
                raise TraitError(f"The {self.name!r} trait expects {type(self).__name__}, not {value!r} ({type(value).__name__}).")
        return value

    def __set__(self, owner, value):
        owner._set(self.name, owner._validated(self.name, self.check(value)))


class Any(TraitType):
    pass


class Int(TraitType):
    kinds, empty = (int,), 0


class Float(TraitType):
    kinds, empty = (float, int), 0.0


class Bool(TraitType):
    kinds, empty = (bool,), False


class Unicode(TraitType):
    kinds, empty = (str,), ""


class Bytes(TraitType):
    kinds, empty = (bytes,), b""


class _Container(TraitType):
    def __init__(self, trait=None, default_value=..., **options):
        if trait is not None and not isinstance(trait, (TraitType, type)):
            default_value, trait = trait, None
        super().__init__(self.kinds[0]() if default_value is ... else default_value, **options)


class List(_Container):
    kinds = (list,)

    def check(self, value):
        return list(value) if isinstance(value, tuple) else super().check(value)


class Tuple(TraitType):
    kinds = (tuple,)

    def __init__(self, *traits, default_value=(), **options):
        super().__init__(default_value, **options)

    def check(self, value):
        return tuple(value) if isinstance(value, list) else super().check(value)


class Set(_Container):
    kinds = (set,)


class Dict(_Container):
    kinds = (dict,)

    def __init__(self, value_trait=None, per_key_traits=None, key_trait=None, default_value=..., **options):
        super().__init__(value_trait, default_value, **options)


class Enum(TraitType):
    def __init__(self, values, default_value=None, **options):
        super().__init__(default_value, **options)
        self.values = values

    def check(self, value):
        if value not in self.values and not (value is None and self.allow_none):
            raise TraitError(f"The {self.name!r} trait expects one of {list(self.values)}, not {value!r}.")
        return value


class Instance(TraitType):
    def __init__(self, klass=None, args=None, kw=None, **options):
        super().__init__(None, **options)
        self.kinds = (klass,) if isinstance(klass, type) else ()


CInt = Integer = Long = Int
CFloat = Float
CBool = Bool
CUnicode = Unicode


class _Handler:
    def __init__(self, kind, names, function):
        self.kind, self.names, self.function = kind, names, function

    def __get__(self, owner, cls=None):
        return self if owner is None else self.function.__get__(owner, cls)


def observe(*names, type="change"):
    """Decorator: calls the method when one of the traits changes."""
    return lambda function: _Handler("observe", names, function)


def validate(*names):
    """Decorator: the method gives the value that is kept."""
    return lambda function: _Handler("validate", names, function)


def default(name):
    """Decorator: the method gives the first value."""
    return lambda function: _Handler("default", (name,), function)


class HasTraits:
    """An object with checked, observable attributes."""

    def __init__(self, *arguments, **values):
        self._values = {}
        self._observers = []
        for name, trait in self.traits().items():
            start = trait.default
            self._values[name] = start.copy() if isinstance(start, (list, dict, set)) else start
        handlers = [item for owner in reversed(type(self).__mro__) for item in vars(owner).values() if isinstance(item, _Handler)]
        self._validators = {name: item for item in handlers if item.kind == "validate" for name in item.names}
        for item in handlers:
            if item.kind == "default":
                self._values[item.names[0]] = item.function(self)
        for name, value in values.items():
            setattr(self, name, value)
        for item in handlers:
            if item.kind == "observe":
                self.observe(item.function.__get__(self), None if All in item.names else item.names)

    @classmethod
    def traits(cls, **metadata):
        found = {name: part for owner in reversed(cls.__mro__) for name, part in vars(owner).items() if isinstance(part, TraitType)}
        return {name: part for name, part in found.items() if all(part.metadata.get(key) == value for key, value in metadata.items())}

    def trait_names(self):
        return list(self.traits())

    def has_trait(self, name):
        return name in self.traits()

    def _validated(self, name, value):
        item = getattr(self, "_validators", {}).get(name)
        return item.function(self, {"value": value, "owner": self, "trait": self.traits()[name]}) if item else value

    def _set(self, name, value):
        old = self._values.get(name)
        if type(old) is type(value) and old == value:
            return
        self._values[name] = value
        change = {"name": name, "old": old, "new": value, "owner": self, "type": "change"}
        for handler, names in list(self._observers):
            if names is None or name in names:
                handler(_Change(change))

    def observe(self, handler, names=All, type="change"):
        wanted = None if names is None or names == All else {names} if isinstance(names, str) else set(names)
        self._observers.append((handler, wanted))

    def unobserve(self, handler, names=All, type="change"):
        self._observers = [item for item in self._observers if item[0] != handler]


class _Change(dict):
    """A change, by key or attribute."""

    __getattr__ = dict.__getitem__
