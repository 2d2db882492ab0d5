"""Widgets without any package: Jupyter's widget protocol over a comm, with anywidget's ESM contract.

    class Counter(kroma.Widget):
        _esm = "export default { render({ model, el }) { ... } }"
        value = kroma.synced(0)
"""

import os
import pathlib

PROTOCOL = {"version": "2.1.0"}


class synced:
    """An attribute that the page and Python share. The default is copied if it is a list, dict or set."""

    def __init__(self, default=None, **options):
        self.default = default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, widget, owner=None):
        if widget is None:
            return self
        return widget._values.get(self.name, self.default)

    def __set__(self, widget, value):
        widget._set(self.name, value)


class Widget:
    """A widget whose page side is the module in `_esm` (text or a path), styled by `_css`."""

    _esm = ""
    _css = ""

    def __init__(self, **values):
        self._values = {}
        self._observers = []
        self._message_handlers = []
        self._comm = None
        self._from_page = None
        for name, part in self._synced().items():
            default = part.default
            self._values[name] = default.copy() if isinstance(default, (list, dict, set)) else default
        for name, value in values.items():
            setattr(self, name, value)

    @classmethod
    def _synced(cls):
        return {name: part for owner in reversed(cls.__mro__) for name, part in vars(owner).items() if isinstance(part, synced)}

    def _set(self, name, value):
        old = self._values.get(name)
        if type(old) is type(value) and old == value:
            return
        self._values[name] = value
        if self._comm is not None and self._from_page != (name, value):
            self.send_state(name)
        change = {"name": name, "old": old, "new": value, "owner": self, "type": "change"}
        for handler, names in list(self._observers):
            if names is None or name in names:
                handler(change)

    def observe(self, handler, names=None, type="change"):
        """Calls handler(change) when an attribute changes, from either side."""
        wanted = None if names is None or names == "All" else {names} if isinstance(names, str) else set(names)
        self._observers.append((handler, wanted))

    def unobserve(self, handler, names=None, type="change"):
        self._observers = [item for item in self._observers if item[0] != handler]

    def on_msg(self, callback, remove=False):
        """Calls callback(widget, content, buffers) for messages that the page side sends."""
        if remove:
            self._message_handlers.remove(callback)
        else:
            self._message_handlers.append(callback)

    def send(self, content, buffers=None):
        """Sends a message of one's own to the page side."""
        self._open().send({"method": "custom", "content": content}, buffers=buffers)

    def send_state(self, key=None):
        """Sends some attributes to the page, or all that a page needs to show the widget."""
        names = None if key is None else [key] if isinstance(key, str) else list(key)
        # A slider says its value often: the module, perhaps a file, is not read again each time.
        known = self._values if names and not any(name.startswith("_") for name in names) else self._whole_state()
        state, paths, buffers = split_buffers({name: known[name] for name in names or known})
        self._open().send({"method": "update", "state": state, "buffer_paths": paths}, buffers=buffers)

    def _whole_state(self):
        """All that the page knows of the widget: the shared attributes, the module and the style sheet."""
        return {
            **{name: self._values[name] for name in self._synced()},
            "_model_module": "anywidget",
            "_model_name": "AnyModel",
            "_model_module_version": "~0.9.*",
            "_view_module": "anywidget",
            "_view_name": "AnyView",
            "_view_module_version": "~0.9.*",
            "_view_count": None,
            "_anywidget_id": f"{type(self).__module__}.{type(self).__qualname__}",
            "_esm": _text(self._esm),
            "_css": _text(self._css),
        }

    def _open(self):
        if self._comm is None:
            from comm import create_comm

            state, paths, buffers = split_buffers(self._whole_state())
            self._comm = create_comm(
                target_name="jupyter.widget",
                data={"state": state, "buffer_paths": paths},
                metadata=PROTOCOL,
                buffers=buffers,
            )
            self._comm.on_msg(self._receive)
        return self._comm

    @property
    def model_id(self):
        return self._open().comm_id

    def _receive(self, message):
        data = message["content"]["data"]
        method = data.get("method")
        if method == "update":
            state = data.get("state", {})
            join_buffers(state, data.get("buffer_paths", []), message["buffers"])
            for name, value in state.items():
                if name in self._synced():
                    self._from_page = (name, value)
                    try:
                        setattr(self, name, value)
                    finally:
                        self._from_page = None
        elif method == "request_state":
            self.send_state()
        elif method == "custom":
            for callback in list(self._message_handlers):
                callback(self, data.get("content"), message["buffers"])

    def close(self):
        if self._comm is not None:
            self._comm.close()

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            "text/plain": repr(self),
            "application/vnd.jupyter.widget-view+json": {
                "model_id": self.model_id,
                "version_major": 2,
                "version_minor": 0,
            },
        }

    def __repr__(self):
        values = ", ".join(f"{name}={value!r}"[:60] for name, value in self._values.items() if not name.startswith("_"))
        return f"{type(self).__name__}({values})"


def _text(source):
    if isinstance(source, pathlib.PurePath) or (
        isinstance(source, str) and "\n" not in source and source.endswith((".js", ".mjs", ".css")) and os.path.isfile(source)
    ):
        with open(source, encoding="utf-8") as file:
            return file.read()
    return str(source)


def split_buffers(state):
    """Takes binary parts out of a state: `(state, paths, buffers)` as the widget protocol wants."""
    paths, buffers = [], []

    def take(value, path):
        if isinstance(value, (bytes, bytearray, memoryview)):
            paths.append(path)
            buffers.append(bytes(value))
            return None
        if isinstance(value, dict):
            return {key: part for key, item in value.items() if (part := take(item, [*path, key])) is not None or item is None}
        if isinstance(value, (list, tuple)):
            return [take(item, [*path, index]) for index, item in enumerate(value)]
        return value

    return take(state, []), paths, buffers


def join_buffers(state, paths, buffers):
    """Puts binary parts back."""
    for path, buffer in zip(paths, buffers):
        place = state
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = bytes(buffer)
