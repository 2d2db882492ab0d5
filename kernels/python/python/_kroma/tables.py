"""Variables as tables for another language, which asks by their names: SQL's `FROM people`."""

import types

from . import values


def offer(name, value_name, namespace):
    """Gives the table under the value's name and prints "ok", or why it can't; nothing if there is no such variable."""
    table = namespace.get(name)
    if table is None or callable(table) or isinstance(table, types.ModuleType):
        return
    try:
        values.write(value_name, _plain(table))
    except (TypeError, ValueError) as error:
        print(error)
    else:
        print("ok")


def _plain(table):
    """Data frames as a dict of lists; what `kroma.set` takes as it is."""
    if not hasattr(table, "columns") or isinstance(table, dict):
        return table
    if type(table).__module__.startswith("pyarrow"):
        return table
    # polars and pandas: both give a column by its name, and its values as a list.
    return {str(column): [_missing(value) for value in _list(table[column])] for column in table.columns}


def _list(column):
    for method in ("to_list", "tolist"):
        if hasattr(column, method):
            return getattr(column, method)()
    return list(column)


def _missing(value):
    """None for NaN and NaT, which is how data frames write what is missing."""
    try:
        return None if value != value else value
    except (TypeError, ValueError):
        return value
