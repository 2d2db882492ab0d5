"""A small stand-in for anywidget, used only while the package is not installed."""

from _kroma.widget import Widget
from traitlets import HasTraits

__version__ = "0.9.21+kroma"


class AnyWidget(HasTraits, Widget):
    """A widget by anywidget's contract: `_esm`, `_css`, and traits with `.tag(sync=True)`."""

    def __init__(self, *arguments, **values):
        self._observers = []
        self._message_handlers = []
        self._comm = None
        self._from_page = None
        HasTraits.__init__(self, *arguments, **values)
        self._open()

    @classmethod
    def _synced(cls):
        return cls.traits(sync=True)

    def _set(self, name, value):
        old = self._values.get(name)
        HasTraits._set(self, name, value)
        changed = not (type(old) is type(value) and old == value)
        if changed and self._comm is not None and name in self._synced() and self._from_page != (name, value):
            self.send_state(name)
