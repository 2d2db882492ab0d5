"""MIME bundles of Python objects and Jupyter's display calls."""

import base64
import functools
import sys
import traceback
import uuid

from . import bridge, formatters

# Where display() goes while a cell's output is captured; None: to the notebook.
captured = None


def mimebundle(value, include=None, exclude=None):
    """`(data, metadata)` of any object; a representation that fails is told on stderr and left out."""
    data, metadata = {}, {}
    if not isinstance(value, type):
        method = method_of(value, "_repr_mimebundle_")
        if method is not None:
            try:
                result = method(include=include, exclude=exclude)
            except TypeError:
                result = _guard(method)
            except Exception:
                result = _complain()
            _merge(data, metadata, result)
        for mime, name in formatters.METHODS.items():
            if mime in data:
                continue
            function = formatters.function_of(mime, value)
            method = method_of(value, name) if function is None else functools.partial(function, value)
            if method is None:
                continue
            result = _guard(method)
            details = None
            if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
                result, details = result
            if result is not None:
                data[mime] = result
                if details:
                    metadata[mime] = details
        _foreign(value, data)
    if "text/plain" not in data:
        try:
            data["text/plain"] = formatters.plain(value)
        except Exception:
            _complain()
            data["text/plain"] = f"<{type(value).__module__}.{type(value).__qualname__} whose repr() fails>"
    if include is not None:
        data = {mime: part for mime, part in data.items() if mime in include}
    if exclude is not None:
        data = {mime: part for mime, part in data.items() if mime not in exclude}
    return {mime: _encode(mime, part) for mime, part in data.items()}, metadata


def method_of(value, name):
    """A method of that name, unless the object makes up attributes of any name (mocks, proxies)."""
    try:
        if getattr(value, "_kroma_no_such_method_", None) is not None:
            return None
        method = getattr(value, name, None)
    except Exception:
        return None
    return method if callable(method) else None


def _guard(method):
    try:
        return method()
    except NotImplementedError:
        return None
    except Exception:
        return _complain()


def _complain():
    error = sys.exc_info()[1]
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({last[0].filename}, line {last[0].lineno})" if last else ""
    print(f"Showing it failed: {type(error).__name__}: {error}{place}", file=sys.stderr)


def _merge(data, metadata, result):
    if isinstance(result, tuple) and len(result) == 2:
        metadata.update(result[1] or {})
        result = result[0]
    if result:
        data.update(result)


def _foreign(value, data):
    """Objects of libraries that leave their showing to IPython."""
    kind = type(value)
    if kind.__module__.startswith("matplotlib.") and "image/png" not in data and hasattr(value, "savefig"):
        from . import pyplot

        data["image/png"] = pyplot.png(value)


def _encode(mime, part):
    if isinstance(part, (bytes, bytearray, memoryview)):
        part = bytes(part)
        if mime.startswith("text/") or mime == "image/svg+xml":
            return part.decode("utf-8", "replace")
        return base64.b64encode(part).decode("ascii")
    return part


class DisplayHandle:
    """What display(..., display_id=True) gives back."""

    def __init__(self, display_id=None):
        self.display_id = display_id or uuid.uuid4().hex

    def __repr__(self):
        return f"<DisplayHandle display_id={self.display_id}>"

    def display(self, value, **options):
        display(value, display_id=self.display_id, **options)

    def update(self, value, **options):
        update_display(value, display_id=self.display_id, **options)


def display(
    *values,
    include=None,
    exclude=None,
    metadata=None,
    transient=None,
    display_id=None,
    raw=False,
    clear=False,
    update=False,
    **options,
):
    """Shows objects below the cell, as IPython.display.display does."""
    if transient and display_id is None:
        display_id = transient.get("display_id")
    made = None
    if display_id is True:
        display_id = uuid.uuid4().hex
        made = DisplayHandle(display_id)
    elif display_id is not None:
        display_id = str(display_id)
        made = DisplayHandle(display_id)
    if clear:
        clear_output(wait=True)
    for value in values:
        if raw:
            data, details = {mime: _encode(mime, part) for mime, part in dict(value).items()}, {}
        else:
            own = None if isinstance(value, type) else method_of(value, "_ipython_display_")
            if own is not None:
                try:
                    own()
                    continue
                except NotImplementedError:
                    pass
            data, details = mimebundle(value, include, exclude)
        if metadata:
            details = {**details, **metadata}
        publish(data, details, display_id, update)
    return made


def publish(data, metadata=None, display_id=None, update=False):
    """Sends one bundle."""
    if captured is not None:
        captured.append((data, metadata or {}))
        return
    message = {
        "type": "update_display_data" if update else "display_data",
        "data": data,
        "metadata": metadata or {},
    }
    if display_id is not None:
        message["displayId"] = display_id
    bridge.post(message)


def update_display(value, *, display_id, **options):
    """Replaces what was shown under that id."""
    display(value, display_id=display_id, update=True, **options)


def clear_output(wait=False):
    """Takes away the cell's outputs, at once or when the next one comes."""
    if captured is not None:
        captured.clear()
        return
    bridge.post({"type": "clear_output", "wait": bool(wait)})
