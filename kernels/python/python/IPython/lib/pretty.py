"""The pretty-printer, where libraries look for it."""

from _kroma.pretty import Printer as PrettyPrinter, Printer as RepresentationPrinter, for_type, for_type_by_name
from _kroma.pretty import pretty as _pretty

__all__ = ["PrettyPrinter", "RepresentationPrinter", "for_type", "for_type_by_name", "pprint", "pretty"]


def pretty(obj, verbose=False, max_width=79, newline="\n", max_seq_length=1000):
    """The object as text."""
    return _pretty(obj, max_width, max_seq_length, verbose).replace("\n", newline)


def pprint(obj, verbose=False, max_width=79, newline="\n", max_seq_length=1000):
    """Prints the object."""
    print(pretty(obj, verbose, max_width, newline, max_seq_length))
