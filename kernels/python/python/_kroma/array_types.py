"""The names that onnxruntime has for the types of arrays, by those of the array interface."""

TYPES = {
    "|b1": "bool",
    "|i1": "int8",
    "|u1": "uint8",
    "<i2": "int16",
    "<u2": "uint16",
    "<f2": "float16",
    "<i4": "int32",
    "<u4": "uint32",
    "<f4": "float32",
    "<i8": "int64",
    "<u8": "uint64",
    "<f8": "float64",
}
DTYPES = {name: dtype for dtype, name in TYPES.items()}
