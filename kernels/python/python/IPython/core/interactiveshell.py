"""The shell class, for isinstance checks."""

from _kroma.shell import InteractiveShell

__all__ = ["InteractiveShell"]
