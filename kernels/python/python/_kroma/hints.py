"""Notes on errors that mean something else here than where people know them from."""

from . import packages

THREADS = "Python in a browser has one thread. Call the function itself, or use asyncio: `await` works at the top level of a cell."
PROCESSES = "Python in a browser is one process. Call the function itself in a loop; programs of the Linux machine run with subprocess or `!`."


def explain(error):
    """Adds a note to the error if there is something to say."""
    if isinstance(error, ModuleNotFoundError):
        packages.explain_missing(error)
    note = _note(error)
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _note(error):
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return THREADS
    if isinstance(error, ModuleNotFoundError) and error.name in ("_multiprocessing", "_posixshmem"):
        return PROCESSES
    if isinstance(error, AttributeError) and error.name == "fork" and getattr(error.obj, "__name__", "") in ("os", "posix"):
        return PROCESSES
    if type(error).__name__ == "ZoneInfoNotFoundError":
        error.args = tuple(str(item).partition(" \n On Pyodide")[0] for item in error.args)
        return packages.failed.get("tzdata")
    return None
