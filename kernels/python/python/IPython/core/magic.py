"""Decorators for one's own magics."""

from _kroma import magics


class Magics:
    def __init__(self, shell=None, **options):
        self.shell = shell


def magics_class(cls):
    return cls


def _decorator(kind):
    def decorate(name):
        if callable(name):
            return decorate(name.__name__)(name)

        def mark(function):
            function._kroma_magic = (*getattr(function, "_kroma_magic", ()), (kind, name or function.__name__))
            return function

        return mark

    return decorate


line_magic, cell_magic, line_cell_magic = _decorator("line"), _decorator("cell"), _decorator("line_cell")


def _registering(kind):
    def decorate(name):
        if callable(name):
            magics.register(kind, name.__name__, name)
            return name

        def mark(function):
            magics.register(kind, name or function.__name__, function)
            return function

        return mark

    return decorate


register_line_magic = _registering("line")
register_cell_magic = _registering("cell")
register_line_cell_magic = _registering("line_cell")


def needs_local_scope(function):
    return function


def no_var_expand(function):
    return function
