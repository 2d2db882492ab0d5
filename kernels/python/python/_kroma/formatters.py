"""How types are shown that do not show themselves: IPython's `display_formatter`, in which libraries register functions."""

from . import pretty

METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "image/gif": "_repr_gif_",
    "application/pdf": "_repr_pdf_",
    "text/latex": "_repr_latex_",
    "application/json": "_repr_json_",
    "application/javascript": "_repr_javascript_",
}


class Formatter:
    """Functions by type for one MIME type."""

    enabled = True

    def __init__(self):
        self.by_type = {}
        self.by_name = {}

    def for_type(self, kind, function=None):
        """The function of a type, or of its name "module.Type", after setting it if one is given."""
        if isinstance(kind, str):
            module, _, name = kind.rpartition(".")
            return self.for_type_by_name(module, name, function)
        before = self.by_type.get(kind)
        if function is not None:
            self.by_type[kind] = function
        return before

    def for_type_by_name(self, module, name, function=None):
        before = self.by_name.get((module, name))
        if function is not None:
            self.by_name[module, name] = function
        return before

    def pop(self, kind, default=None):
        return self.by_type.pop(kind, default)

    def lookup(self, value):
        """The function for a value, or None."""
        for kind in type(value).__mro__:
            found = self.by_type.get(kind) or self.by_name.get((kind.__module__, kind.__name__))
            if found is not None:
                return found
        return None


class PlainFormatter(Formatter):
    """text/plain: its functions get the printer too."""

    def __init__(self):
        self.by_type, self.by_name = pretty.PRINTERS, pretty.NAMED_PRINTERS
        self.float_format = ""

    def set_precision(self, text):
        """%precision: "" for repr, a number of digits, or a format like "%.3e"."""
        if text == "":
            self.float_format = ""
            self.by_type[float] = pretty.by_repr
            return "%r"
        self.float_format = text if "%" in text else f"%.{int(text)}f"
        self.float_format % 3.14159
        self.by_type[float] = lambda value, p, cycle: p.text(self.float_format % value)
        return self.float_format


class DisplayFormatter:
    """get_ipython().display_formatter"""

    def __init__(self):
        self.formatters = {mime: Formatter() for mime in METHODS} | {"text/plain": PlainFormatter()}

    active_types = property(lambda self: list(self.formatters))

    def format(self, value, include=None, exclude=None):
        from .display import mimebundle

        return mimebundle(value, include, exclude)


display_formatter = DisplayFormatter()


def function_of(mime, value):
    """What a library has registered for this value, or None."""
    formatter = display_formatter.formatters[mime]
    return formatter.lookup(value) if formatter.by_type or formatter.by_name else None


def plain(value):
    """The value as text."""
    return pretty.pretty(value)
