"""Kroma's own module: values that all languages share, files of the workspace, displays, widgets, models.

    kroma.set("table", rows)        kroma.get("table")
    kroma.files.read_text("a.txt")  kroma.files.write("b.bin", data)
    kroma.ml.load("model.onnx").run({"x": data})
"""

import os
import pathlib
import shutil

from _kroma import ml
from _kroma import plot as _plot
from _kroma import values as _values
from _kroma.display import clear_output, display, update_display
from _kroma.widget import Widget, synced

__all__ = ["Widget", "clear_output", "display", "files", "get", "list", "ml", "plot", "record", "remove", "set", "synced", "table", "update_display"]

WORKSPACE = pathlib.Path("/workspace")


def set(name, value):
    """Gives the value that name in every language."""
    _values.write(name, value)


def get(name, *default):
    """The value of that name, or the default; KeyError without either."""
    return _values.read(name, *default)


def list():
    """The names that have values."""
    return _values.names()


def remove(name):
    """Takes a value away; no error if it is not there."""
    _values.remove(name)


def table(name, table=None):
    """
    Shows a file of the workspace (CSV, Parquet, Arrow, SQLite) as a table that scrolls, sorts and filters, however long.
    `table` is one of those that an SQLite file has.
    """
    path = files.path(name).resolve().relative_to(WORKSPACE).as_posix()
    file = {"path": path} if table is None else {"path": path, "table": str(table)}
    display({"application/vnd.kroma.table+json": file, "text/plain": f"Table of {path}"}, raw=True)


def record(name="recording.wav"):
    """Shows a recorder: what a person records with it becomes that WAV file of the workspace."""
    path = files.path(name).resolve().relative_to(WORKSPACE).as_posix()
    text = f"Recorder for {path}: it records where the notebook is open in a page"
    display({"application/vnd.kroma.recorder+json": {"path": path}, "text/plain": text}, raw=True)


def plot(table, x, y=None, *, color=None, mark=None, title=None, width="container", height=240):
    """
    Shows columns of a table as a chart: a list of dicts, a dict of lists, a data frame, or the name of such a value.
    Without y it counts. mark is Vega-Lite's ("bar", "line", "point", "area"), by default what fits.
    """
    _plot.plot(table, x, y, color, mark, title, width, height)


class files:
    """The workspace's files, by paths relative to its root."""

    @staticmethod
    def path(name=""):
        """The file as a pathlib.Path."""
        return WORKSPACE / os.fspath(name)

    @staticmethod
    def read(name):
        """The bytes."""
        return files.path(name).read_bytes()

    @staticmethod
    def read_text(name):
        """The text (UTF-8)."""
        return files.path(name).read_text(encoding="utf-8")

    @staticmethod
    def write(name, data):
        """Writes text or bytes; makes the directories."""
        path = files.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            path.write_text(data, encoding="utf-8")
        else:
            path.write_bytes(data)

    @staticmethod
    def list(name=""):
        """Names in a directory, sorted; directories end in "/"."""
        top = files.path(name)
        return sorted(
            entry.name + ("/" if entry.is_dir() else "")
            for entry in top.iterdir()
            if not (top == WORKSPACE and entry.name == ".kroma")
        )

    @staticmethod
    def exists(name):
        """Is it there?"""
        return files.path(name).exists()

    @staticmethod
    def remove(name):
        """Removes a file, or a directory with all in it."""
        path = files.path(name)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
