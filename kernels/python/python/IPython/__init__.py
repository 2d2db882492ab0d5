"""The part of IPython that notebooks and libraries import. The kernel is Kroma's own."""

from _kroma.shell import InteractiveShell, get_ipython

from .display import display

__version__ = version = "9.12.0"
version_info = (9, 12, 0)

__all__ = ["InteractiveShell", "display", "get_ipython"]


def start_ipython(*arguments, **options):
    raise RuntimeError("A notebook's kernel is running already.")


embed = start_ipython
