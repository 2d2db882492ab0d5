"""Small tables and sparklines, in text and in HTML. Pure Python, no dependencies."""

from html import escape

__version__ = "1.0.0"
_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values):
    """One character per number, as high as the number is in the range of all; an empty input gives ''."""
    numbers = [float(value) for value in values]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    span = high - low or 1.0
    return "".join(_BARS[round((number - low) / span * (len(_BARS) - 1))] for number in numbers)


class Table:
    """Rows under named columns; shows itself as an HTML table or as aligned text."""

    def __init__(self, rows, columns, digits=1):
        self.columns = [str(column) for column in columns]
        self.rows = [list(row) for row in rows]
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} values for {len(self.columns)} columns")
        self.digits = digits

    def _text(self, value):
        return f"{value:.{self.digits}f}" if isinstance(value, float) else str(value)

    def __repr__(self):
        cells = [self.columns] + [[self._text(value) for value in row] for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(len(self.columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(line, widths)) for line in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(lines)

    def _repr_html_(self):
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(self._text(value))}</td>" for value in row) + "</tr>" for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
