"""IPython's errors."""

from _kroma.magics import UsageError


class TryNext(Exception):
    pass


__all__ = ["TryNext", "UsageError"]
