"""get_ipython, where libraries look for it."""

from _kroma.shell import get_ipython

__all__ = ["get_ipython"]
