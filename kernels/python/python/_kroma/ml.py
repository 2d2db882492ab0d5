"""kroma.ml: ONNX models, run by the notebook outside of this interpreter, so that all languages share them.

    model = kroma.ml.load("model.onnx")
    outputs = model.run({"x": numpy_array})      # or array.array, memoryview, bytes, nested lists

Every call may be awaited too, and then waits without blocking where the page can't block.
"""

import array
import json
import os

from . import bridge, values
from .array_types import DTYPES, TYPES
from .pipelines import pipeline
from .service import Awaitable, finish


class Outputs(Awaitable, dict):
    """What a model gave, by name."""


class ValueInfo:
    """What a model says of an input or output; dimensions that are not fixed have a name."""

    def __init__(self, name, type, shape):
        self.name, self.type, self.shape = name, type, tuple(shape)

    def __repr__(self):
        return f"{self.name}: {self.type} {list(self.shape)}"


class Model(Awaitable):
    """A model that is loaded. Let go of it with `dispose()` or `with`; the collector does it otherwise."""

    def __init__(self, told):
        self._session = told.pop("session")
        self.name = told.pop("name")
        self.inputs = [ValueInfo(**info) for info in told.pop("inputs")]
        self.outputs = [ValueInfo(**info) for info in told.pop("outputs")]
        self.info = told

    def run(self, feeds=None, /, **named):
        """Runs the model; gives its outputs by name: NumPy arrays if NumPy is loaded, else memoryviews of their shape."""
        if self._session is None:
            raise FileNotFoundError(f"{self.name} was disposed of. Load it again.")
        wanted = {info.name: info.type for info in self.inputs}
        tensors, buffers = [], []
        for name, value in {**(feeds or {}), **named}.items():
            tensor, data = _wire(name, value, wanted.get(name))
            tensors.append(tensor)
            buffers.append(data)
        return finish(_call("run", {"session": self._session, "tensors": tensors}, buffers), self._ran)

    def _ran(self, told, data):
        # What runs it may have changed with this run.
        self.info.update(told.get("device") or {})
        return _outputs(told, data)

    def dispose(self):
        """Lets go of the model; its memory is free when nobody else holds it and it is wanted."""
        session, self._session = self._session, None
        if session is not None and bridge.host is not None:
            bridge.host.tellService(json.dumps({"service": "ml", "method": "release", "value": {"session": session}}))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.dispose()

    def __del__(self):
        self.dispose()

    def __repr__(self):
        return f"<Model {self.name}: {', '.join(map(repr, self.inputs))} -> {', '.join(map(repr, self.outputs))}>"


def load(source, *, name=None, file=None, revision=None, device="auto"):
    """Loads a model: a path, an address, the name of a model that ships with Kroma; or its bytes.

    Of a model hub: "hub:owner/name/file", or "owner/name" with `file` and, if need be, `revision`. By its content: "ipfs://CID",
    or "ipfs://CID/path" of a file in a folder.

    `device`: "auto" runs a large model by WebGPU once it gave the same answer there as on the processor, no slower; "wasm" runs it on
    the processor; "webgpu" runs any model there that gives the same answer, and is an error where there is no WebGPU. What it is, and
    why, is in `info["device"]` and `info["deviceReason"]`, as of the last run.
    """
    if not isinstance(source, (str, os.PathLike)):
        value = {"source": name or "the model", "device": device}
        return finish(_call("load", value, [source]), lambda told, data: Model(told))
    source, data = _file(os.fspath(source))
    value = {"source": source, "device": device}
    if file is not None:
        value["file"] = os.fspath(file)
    if revision is not None:
        value["revision"] = revision
    return finish(_call("load", value, data), lambda told, data: Model(told))


class TextLine:
    """A line of text in a picture: `text`, `score` (0 to 1), `box` (its four corners, in pixels)."""

    def __init__(self, text, score, box):
        self.text, self.score, self.box = text, score, [tuple(corner) for corner in box]

    def __repr__(self):
        return f"<TextLine {self.text!r} {self.score:.2f}>"


def read_text(picture):
    """The lines of text in a picture, in the order of reading: a path, or the bytes of the picture's file."""
    answer = _call("readText", *_given(picture))
    return finish(answer, lambda told, data: Lines(TextLine(**line) for line in told["lines"]))


def read_picture(picture):
    """A picture's pixels, of shape (height, width, 4): red, green, blue, opacity; a NumPy array, or a memoryview."""
    return finish(_call("readPicture", *_given(picture)), lambda told, data: _outputs(told, data)["picture"])


class Sound(Awaitable):
    """A sound: `samples` from -1 to 1 (a NumPy array, or a memoryview), `sample_rate`, the file's `channels`, `duration` in seconds."""

    def __init__(self, samples, sample_rate, channels):
        self.samples, self.sample_rate, self.channels = samples, sample_rate, channels
        self.duration = len(samples) / sample_rate

    def __repr__(self):
        return f"<Sound of {self.duration:.2f} s at {self.sample_rate} Hz>"


def read_sound(sound):
    """The samples of a WAV file, its channels mixed into one: a path, or the file's bytes."""

    def made(told, data):
        return Sound(_outputs(told, data)["samples"], told["sampleRate"], told["channels"])

    return finish(_call("readSound", *_given(sound)), made)


class Stretch:
    """A stretch of speech: `start` and `end` in seconds, `score` (0 to 1)."""

    def __init__(self, start, end, score):
        self.start, self.end, self.score = start, end, score

    def __repr__(self):
        return f"<Stretch {self.start:.2f} s to {self.end:.2f} s, {self.score:.2f}>"


class Speech(Awaitable, list):
    """The stretches of speech in a sound. `probabilities` has one number for each `frame` seconds of its `duration`."""


def find_speech(sound, *, threshold=0.5, pause=0.3):
    """The stretches of speech in a WAV file: a path, or the file's bytes. Silence of `pause` seconds ends a stretch."""

    def made(told, data):
        speech = Speech(Stretch(**stretch) for stretch in told["stretches"])
        speech.duration, speech.frame = told["duration"], told["frame"]
        speech.probabilities = _outputs(told, data)["probabilities"]
        return speech

    source, data = _given(sound)
    return finish(_call("findSpeech", {**source, "threshold": threshold, "pause": pause}, data), made)


def read_arrays(source):
    """The arrays of an .npz or .npy file, by name ("array" in the latter): a path, or the name of what ships with Kroma."""
    source, data = _file(os.fspath(source))
    if data:
        raise FileNotFoundError(f"{source} lies outside of /workspace.")
    return finish(_call("readArrays", {"source": source}, []), _outputs)


def write_arrays(path, arrays=None, /, **named):
    """Writes arrays by name as an .npz file of the workspace, which `read_arrays` and NumPy read; whole or not at all."""
    tensors, buffers = [], []
    for name, value in {**(arrays or {}), **named}.items():
        tensor, data = _wire(name, value, None)
        tensors.append(tensor)
        buffers.append(data)
    source = os.path.realpath(os.fspath(path))
    return finish(_call("writeArrays", {"source": source, "tensors": tensors}, buffers), lambda told, data: None)


def _given(file):
    """A path or bytes as they are asked about."""
    if not isinstance(file, (str, os.PathLike)):
        return {}, [file]
    source, data = _file(os.fspath(file))
    return {"source": source}, data


class Lines(Awaitable, list):
    """Lines of text."""


def _file(source):
    """`(source, buffers)`: how the engine finds a file; the bytes themselves when only this interpreter sees them."""
    if not os.path.isfile(source):
        return source, []
    path = os.path.realpath(source)
    if path.startswith("/workspace/") and bridge.host.canBlock:
        return path, []
    with open(path, "rb") as file:
        return source, [file.read()]


def status():
    """What is loaded at present, and the memory it takes."""
    return finish(_call("status", None, []), lambda told, data: told)


def stored():
    """What was fetched from the web and is kept, the last used first."""
    return finish(_call("stored", None, []), lambda told, data: told)


def forget(url):
    """Forgets what is kept of an address."""
    return finish(_call("forget", {"source": url}, []), lambda told, data: None)


# -- the way there and back ---------------------------------------------------------------------------------------------


def _call(method, value, buffers):
    return bridge.call("ml", method, value, buffers)


def _wire(name, value, wanted):
    """`(tensor, bytes-like)`."""
    if isinstance(value, (bytes, bytearray)):
        return {"name": name, "type": "uint8"}, value
    typed = values._typed(value) if not isinstance(value, (list, tuple, str, int, float)) else None
    if typed is None:
        return _from_lists(name, value, wanted)
    dtype, shape, data = typed
    if dtype not in TYPES:
        raise ValueError(f'Input "{name}" is of dtype {dtype}, which models do not take.')
    tensor = {"name": name, "type": TYPES[dtype]}
    # Buffers of the standard library have no shape of their own: the model's is taken.
    if not (isinstance(value, array.array) or (isinstance(value, memoryview) and value.ndim == 1)):
        tensor["dims"] = [int(size) for size in shape]
    return tensor, data


def _from_lists(name, value, wanted):
    dims, level = [], value
    while isinstance(level, (list, tuple)):
        dims.append(len(level))
        level = level[0] if level else None
    flat = [value]
    for _ in dims:
        flat = [item for part in flat for item in part]
    count = 1
    for size in dims:
        count *= size
    if len(flat) != count:
        raise ValueError(f'Input "{name}" was given lists of different lengths: {len(flat)} elements are no {dims}.')
    kind = wanted or "float32"
    if kind == "string":
        return {"name": name, "type": kind, "dims": dims, "strings": [str(item) for item in flat]}, b""
    code = values.FORMATS.get(DTYPES.get(kind, ""))
    if code is None or code == "e":
        raise ValueError(f'Input "{name}" can\'t be made of lists: the model wants {kind}.')
    try:
        data = bytes(map(bool, flat)) if code == "?" else array.array(code, flat)
    except TypeError as error:
        raise ValueError(f'Input "{name}": {error}, but the model wants {kind}.') from None
    return {"name": name, "type": kind, "dims": dims}, data


def _outputs(told, data):
    result = Outputs()
    for tensor, part in zip(told["tensors"], data):
        shape = tuple(tensor["dims"])
        if tensor["type"] == "string":
            result[tensor["name"]] = _nested(tensor["strings"], shape)
        else:
            result[tensor["name"]] = values.over(DTYPES[tensor["type"]], shape, part)
    return result


def _nested(flat, shape):
    for size in reversed(shape[1:]):
        flat = [flat[at : at + size] for at in range(0, len(flat), size or 1)]
    return flat if shape else flat[0]


from .training import Training, train  # noqa: E402 -- it uses what is above
