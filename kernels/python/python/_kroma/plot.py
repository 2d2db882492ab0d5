"""kroma.plot: a Vega-Lite chart of a table's columns in one line, the same as TypeScript's (kernels/typescript/plot.ts)."""

import datetime
import math
import numbers
import re

from . import values as _values
from .display import display

MOST_ROWS = 20_000
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")


def plot(table, x, y=None, color=None, mark=None, title=None, width="container", height=240):
    chart = chart_of(table, x, y, color, mark, title, width, height)
    display({"application/vnd.vegalite.v6+json": chart, "text/plain": f"Chart of {x}" + (f" and {y}" if y else "")}, raw=True)


def chart_of(table, x, y=None, color=None, mark=None, title=None, width="container", height=240):
    """The chart's specification."""
    rows = _rows(table)
    if len(rows) > MOST_ROWS:
        raise ValueError(f"plot shows at most {MOST_ROWS} rows, and these are {len(rows)}: group or sample them first")
    names = {channel: name for channel, name in (("x", x), ("y", y), ("color", color)) if name is not None}
    columns = {channel: _column(rows, name) for channel, name in names.items()}
    kinds = {channel: _kind(cells) for channel, cells in columns.items()}
    encoding = {channel: {"field": channel, "type": kinds[channel], "title": str(name)} for channel, name in names.items()}
    if kinds["x"] == "nominal":
        encoding["x"]["sort"] = None
    if y is None:
        if kinds["x"] == "quantitative":
            encoding["x"]["bin"] = True
        encoding["y"] = {"aggregate": "count", "type": "quantitative", "title": "count"}
    if mark is None:
        mark = "bar" if y is None or kinds["x"] == "nominal" else "line" if kinds["x"] == "temporal" else "point"
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **({"title": title} if title is not None else {}),
        "width": width,
        "height": height,
        "data": {"values": [dict(zip(columns, cells)) for cells in zip(*columns.values())]},
        "mark": {"type": mark, "tooltip": True},
        "encoding": encoding,
    }


def _rows(table):
    if isinstance(table, str):
        table = _values.read(table)
    # pandas, polars, pyarrow.
    if hasattr(table, "to_dicts"):
        return table.to_dicts()
    if hasattr(table, "to_pylist"):
        return table.to_pylist()
    if hasattr(table, "to_dict") and hasattr(table, "columns"):
        return table.to_dict("records")
    if isinstance(table, dict) and table and all(hasattr(column, "__len__") for column in table.values()):
        return [dict(zip(table, cells)) for cells in zip(*table.values(), strict=True)]
    if isinstance(table, (list, tuple)) and all(isinstance(row, dict) for row in table):
        return table
    raise TypeError("plot takes a list of dicts, a dict of lists, a data frame, an Arrow table, or the name of such a value")


def _column(rows, name):
    if rows and not any(name in row for row in rows):
        raise KeyError(f"the table has no column {name!r}; it has {', '.join(map(str, list(rows[0])[:20]))}")
    return [_plain(row.get(name)) for row in rows]


def _plain(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _kind(cells):
    there = [cell for cell in cells if cell is not None]
    if there and all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in there):
        return "quantitative"
    return "temporal" if there and all(isinstance(cell, str) and MOMENT.fullmatch(cell) for cell in there) else "nominal"
