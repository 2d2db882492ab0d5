"""Values between languages: files in .kroma/values, as core/workspace/VALUES.md says (rules V1 to V7)."""

import array
import ast
import base64
import datetime
import json
import math
import os
import re
import sys
import uuid

FOLDER = "/workspace/.kroma/values"
KINDS = ("json", "bin", "npy", "arrow")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
LARGEST = 2**53
# Codes of array and struct, told by size, to NumPy's.
SIGNED = {1: "|i1", 2: "<i2", 4: "<i4", 8: "<i8"}
UNSIGNED = {1: "|u1", 2: "<u2", 4: "<u4", 8: "<u8"}
FORMATS = {"|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I", "<i8": "q", "<u8": "Q", "<f4": "f", "<f8": "d", "|b1": "?", "<f2": "e"}


def _check(name):
    if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"{name!r} is no name for a value: letters, digits, _ . and -, and no '..'")


def _path(name, kind):
    return f"{FOLDER}/{name}.{kind}"


def names():
    """The names that have values."""
    try:
        found = os.listdir(FOLDER)
    except FileNotFoundError:
        return []
    return sorted({file.rpartition(".")[0] for file in found if file.rpartition(".")[2] in KINDS})


def remove(name):
    _check(name)
    for kind in KINDS:
        try:
            os.unlink(_path(name, kind))
        except FileNotFoundError:
            pass


def write(name, value):
    _check(name)
    kind, parts = encode(value)
    os.makedirs(FOLDER, exist_ok=True)
    path = _path(name, kind)
    temporary = f"{path}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        with open(temporary, "wb", buffering=0) as file:
            for part in parts:
                view = memoryview(part).cast("B")
                while len(view):
                    view = view[file.write(view) :]
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    for other in KINDS:
        if other != kind:
            try:
                os.unlink(_path(name, other))
            except FileNotFoundError:
                pass


def read(name, *default):
    _check(name)
    for kind in KINDS:
        try:
            file = open(_path(name, kind), "rb", buffering=0)
        except FileNotFoundError:
            continue
        with file:
            return DECODERS[kind](file)
    if default:
        return default[0]
    there = names()[:10]
    raise KeyError(f"there is no value {name!r}; there " + (f"are: {', '.join(there)}" if there else "is none yet"))


def encode(value):
    """`(kind, parts)`: what the file holds. Big data is given as it lies in memory."""
    if isinstance(value, (bytes, bytearray)):
        return "bin", [value]
    if isinstance(value, memoryview) and value.format in ("B", "b", "c"):
        return "bin", [value if value.c_contiguous else value.tobytes()]
    typed = _typed(value)
    if typed is not None:
        dtype, shape, data = typed
        return "npy", [npy_header(dtype, shape), data]
    if type(value).__module__.startswith("pyarrow") and type(value).__name__ in ("Table", "RecordBatch"):
        return "arrow", [_arrow(value)]
    text = json.dumps(_plain(value, "value", ()), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return "json", [text.encode("utf-8", "surrogatepass")]


def _typed(value):
    """`(dtype, shape, bytes-like)` of arrays; None for everything else."""
    if isinstance(value, array.array):
        if value.typecode in "uw":
            return None
        value = memoryview(value)
    if isinstance(value, memoryview):
        return _code(value), value.shape, value if value.c_contiguous else value.tobytes()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        dtype = value.dtype.newbyteorder("<") if value.dtype.byteorder == ">" else value.dtype
        if dtype.str not in FORMATS and dtype.str not in ("<c8", "<c16"):
            raise TypeError(f"An array of dtype {value.dtype} can't travel to other languages.")
        data = numpy.ascontiguousarray(value, dtype=dtype)
        return dtype.str, data.shape, data.reshape(-1).view("B") if data.size else b""
    return None


def _code(view):
    code = view.format.lstrip("@=<")
    if code in "fd":
        return {"f": "<f4", "d": "<f8"}[code]
    if code == "?":
        return "|b1"
    if code == "e":
        return "<f2"
    table = SIGNED if code.islower() else UNSIGNED
    if code not in "bBhHiIlLqQnNc" or code == "c":
        raise TypeError(f"A memoryview of format {view.format!r} can't travel to other languages.")
    return table[view.itemsize]


def npy_header(dtype, shape):
    """The head of NumPy's file format 1.0, padded to 64 bytes."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    size = -(-(10 + len(text) + 1) // 64) * 64
    return b"\x93NUMPY\x01\x00" + (size - 10).to_bytes(2, "little") + text.ljust(size - 11).encode("latin1") + b"\n"


def _arrow(table):
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue()


def _plain(value, where, above):
    """The value in JSON's terms; refuses with the place of what can't travel."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        value = int(value)
        return value if abs(value) <= LARGEST else {"$kroma": "bigint", "value": str(value)}
    if isinstance(value, float):
        value = float(value)
        if math.isfinite(value):
            return value
        return {"$kroma": "float", "value": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"$kroma": "date", "value": value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        return {"$kroma": "bytes", "value": base64.b64encode(value).decode()}
    if isinstance(value, memoryview) and value.format in ("B", "b", "c"):
        return {"$kroma": "bytes", "value": base64.b64encode(value).decode()}
    typed = _typed(value)
    if typed is not None:
        dtype, shape, data = typed
        return {"$kroma": "array", "dtype": dtype, "shape": [*shape], "value": base64.b64encode(data).decode()}
    if any(value is other for other in above):
        raise TypeError(f"{where} contains itself, so it can't travel to other languages.")
    above = (*above, value)
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}; only text can be a key in other languages.")
            result[key] = _plain(item, f"{where}[{key!r}]", above)
        return {"$kroma": "object", "value": result} if "$kroma" in result else result
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]", above) for index, item in enumerate(value)]
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return _plain(value.item(), where, above)
    raise TypeError(f"{where} is a {type(value).__qualname__}, which can't travel to other languages.")


def _revive(pairs):
    found = dict(pairs)
    kind = found.get("$kroma")
    if kind is None or not pairs or pairs[0][0] != "$kroma":
        return found
    value = found.get("value")
    if kind == "float":
        return float(value.replace("Infinity", "inf"))
    if kind == "bigint":
        return int(value)
    if kind == "date":
        return datetime.date.fromisoformat(value) if len(value) == 10 else datetime.datetime.fromisoformat(value)
    if kind == "bytes":
        return base64.b64decode(value)
    if kind == "array":
        return _make(found["dtype"], tuple(found["shape"]), base64.b64decode(value), None)
    return value if kind == "object" else found


def _decode_json(file):
    return json.loads(file.readall().decode("utf-8", "surrogatepass"), object_pairs_hook=_revive)


def _decode_npy(file):
    head = file.read(10)
    if head[:6] != b"\x93NUMPY":
        raise ValueError("The value's file is not in NumPy's format.")
    size = int.from_bytes(head[8:10], "little")
    if head[6] > 1:
        size = int.from_bytes(head[8:10] + file.read(2), "little")
    header = ast.literal_eval(file.read(size).decode("latin1"))
    if header["fortran_order"] and len(header["shape"]) > 1:
        raise ValueError("The value's file is in Fortran order.")
    return _make(header["descr"], header["shape"], None, file)


def _make(dtype, shape, data, file):
    """An array of those bytes, or of what the file has next: read right into its memory."""
    numpy = sys.modules.get("numpy")
    count = math.prod(shape)
    if numpy is not None:
        result = numpy.empty(shape, dtype)
        target = memoryview(result.reshape(-1).view("B")) if count else memoryview(bytearray())
    else:
        code = FORMATS.get("|" + dtype[1:] if dtype[1:] in ("i1", "u1", "b1") else dtype)
        if code is None:
            raise ValueError(f"An array of dtype {dtype} needs numpy here: import it first.")
        whole = array.array(code) if code not in "?e" else bytearray(count * (1 if code == "?" else 2))
        if isinstance(whole, array.array):
            whole = array.array(code, bytes(whole.itemsize)) * count
        target = memoryview(whole).cast("B") if count else memoryview(bytearray())
        result = whole
        if len(shape) != 1 or isinstance(whole, bytearray):
            flat = memoryview(whole).cast("B")
            result = flat.cast(code, list(shape)) if shape and count else flat.cast(code)
    if data is not None:
        target[:] = data
    else:
        while len(target):
            got = file.readinto(target)
            if not got:
                raise ValueError("The value's file is cut off.")
            target = target[got:]
    if numpy is None and not shape:
        return result[0]
    return result


def over(dtype, shape, data):
    """An array of that shape over a memoryview's bytes, without a copy: NumPy's if it is loaded, else a memoryview."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return numpy.frombuffer(data, dtype).reshape(shape)
    code = FORMATS.get(dtype)
    flat = data.cast("B")
    if math.prod(shape) == 0 or not shape:
        flat = flat.cast(code)
        return flat[0] if not shape else flat
    return flat.cast(code, [*shape])


def _decode_arrow(file):
    try:
        import pyarrow
    except ImportError:
        raise ImportError("The value is an Arrow table: `import pyarrow` in an earlier cell to read it.", name="pyarrow") from None
    return pyarrow.ipc.open_stream(file.readall()).read_all()


DECODERS = {"json": _decode_json, "bin": lambda file: file.readall(), "npy": _decode_npy, "arrow": _decode_arrow}
