"""Errors as CPython prints them, with the cell's name and without Kroma's own frames."""

import linecache
import re
import sys
import traceback
import types

# Filename of a cell's code -> what people call it.
labels = {}
# Those with a scheme are JavaScript's.
INSIDE = ("<kroma>", "<frozen importlib", "<exec>", "file://", "http://", "https://", "blob:", "wasm://", "node:")
COLOUR = r"((?:\x1b\[[\d;]*m)?)"
FRAME = re.compile(rf'File {COLOUR}"(Cell\[[^"]*\])"{COLOUR}, line {COLOUR}(\d+){COLOUR}(, in {COLOUR}<module>{COLOUR})?')
LONGEST = 1500


def is_cell(filename):
    return filename in labels


def _inside(filename):
    return filename.startswith(INSIDE) or "/_pyodide/" in filename or "/pyodide/webloop.py" in filename


def _frames(tb):
    frames = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    return frames


def _clean(exception, seen):
    """Drops our frames from the exception and its causes. New traceback objects; the old chain is not changed."""
    if exception is None or id(exception) in seen:
        return
    seen.add(id(exception))
    frames = _frames(exception.__traceback__)
    first = next((i for i, tb in enumerate(frames) if is_cell(tb.tb_frame.f_code.co_filename)), None)
    if first is not None:
        frames = frames[first:]
    kept = [tb for tb in frames if not _inside(tb.tb_frame.f_code.co_filename)]
    # Endless recursion is told at once: a million frames would take minutes.
    if len(kept) > 2 * LONGEST:
        kept = kept[:LONGEST] + kept[-LONGEST:]
    chain = None
    for tb in reversed(kept):
        chain = types.TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    exception.__traceback__ = chain
    _clean(exception.__cause__, seen)
    _clean(exception.__context__, seen)
    if isinstance(exception, BaseExceptionGroup):
        for part in exception.exceptions:
            _clean(part, seen)


def describe(exception, filename):
    """`{ename, evalue, traceback, line}` of an error message."""
    depth = sys.getrecursionlimit()
    if depth < 400:
        sys.setrecursionlimit(1000)
    try:
        _clean(exception, set())
    except Exception:
        pass
    line = None
    for frame, number in traceback.walk_tb(exception.__traceback__):
        if frame.f_code.co_filename == filename:
            line = number
    if isinstance(exception, SyntaxError) and exception.filename == filename:
        line = exception.lineno
    if isinstance(exception, SyntaxError) and exception.text is None and is_cell(exception.filename):
        # Errors found after parsing (`return` outside a function) come without their line.
        exception.text = linecache.getline(exception.filename, exception.lineno or 0) or None
    try:
        told = traceback.TracebackException(type(exception), exception, exception.__traceback__, compact=True)
        text = "".join(told.format(colorize=True))
    except Exception as other:
        text = f"{type(exception).__name__}: (its message can't be made: {type(other).__name__})"
    text = FRAME.sub(_name, text)
    try:
        message = str(exception)
    except Exception:
        message = ""
    if isinstance(exception, SyntaxError) and exception.filename in labels:
        message = message.replace(f"({exception.filename}, line ", f"({labels[exception.filename]}, line ")
    result = {
        "ename": type(exception).__name__,
        "evalue": message,
        "traceback": text.rstrip("\n").split("\n"),
    }
    if line is not None:
        result["line"] = line
    return result


def _name(match):
    colour, filename, plain, number_colour, number, number_plain = match.groups()[:6]
    return f"{colour}{labels.get(filename, filename)}{plain}, line {number_colour}{number}{number_plain}"


def remember(filename, label, source):
    """Gives the traceback the source of a cell."""
    labels[filename] = label
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
