"""kroma.ml.pipeline: models of transformers with what belongs to them, run by the notebook outside of this interpreter.

    classify = kroma.ml.pipeline("text-classification", "owner/name")
    classify("What a day!", top_k=2)

Every call may be awaited too, and then waits without blocking where the page can't block.
"""

import json
import os

from . import array_types, bridge, values
from .service import Awaitable, finish

# Half floats do not cross.
TYPES = {dtype: name for dtype, name in array_types.TYPES.items() if name != "float16"}
DTYPES = {name: dtype for dtype, name in TYPES.items()}


class _List(Awaitable, list):
    """A list that may be awaited."""


class _Dict(Awaitable, dict):
    """A dict that may be awaited."""


class Pipeline(Awaitable):
    """A pipeline: called with what its task takes, it gives what its task gives. Let go of it with `dispose()` or `with`."""

    def __init__(self, told):
        self._pipeline = told["pipeline"]
        self.task, self.model, self.dtype = told["task"], told["model"], told.get("dtype")

    def __call__(self, *given, **options):
        """Runs it. Pictures and sounds are paths, the bytes of files, or arrays; options have the names of transformers."""
        if self._pipeline is None:
            raise FileNotFoundError(f"The pipeline of {self.model} was disposed of. Make it again.")
        buffers = []
        value = {
            "pipeline": self._pipeline,
            "given": [_given(item, buffers) for item in given],
            "options": {name: _given(item, buffers) for name, item in options.items()},
        }
        return finish(bridge.call("pipelines", "run", value, buffers), _result)

    def dispose(self):
        """Lets go of the pipeline."""
        name, self._pipeline = self._pipeline, None
        if name is not None and bridge.host is not None:
            request = {"service": "pipelines", "method": "release", "value": {"pipeline": name}}
            bridge.host.tellService(json.dumps(request))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.dispose()

    def __del__(self):
        self.dispose()

    def __repr__(self):
        return f"<Pipeline {self.task}: {self.model}>"


def pipeline(task, model, *, revision=None, dtype=None, file=None, subfolder=None):
    """Loads a model for a task: a folder of the workspace, "owner/name" of the model hub, or "ipfs://CID".

    `dtype` chooses how its weights are stored ("fp32", "q8", ...), `file` and `subfolder` which file they are in.
    """
    which = {"revision": revision, "dtype": dtype, "file": file, "subfolder": subfolder}
    value = {"task": task, "model": os.fspath(model), **{name: word for name, word in which.items() if word is not None}}
    return finish(bridge.call("pipelines", "open", value, []), lambda told, data: Pipeline(told))


def _given(value, buffers):
    """A value as it crosses: bytes and arrays as buffers, and all else as it is."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_given(item, buffers) for item in value]
    if isinstance(value, dict):
        return {str(name): _given(item, buffers) for name, item in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (bytes, bytearray)):
        buffers.append(value)
        return {"$kroma": "bytes", "buffer": len(buffers) - 1}
    typed = values._typed(value)
    if typed is None or typed[0] not in TYPES:
        raise TypeError(f"A pipeline can't be given a {type(value).__name__}: texts, lists, bytes and arrays can.")
    dtype, shape, data = typed
    buffers.append(data)
    return {"$kroma": "array", "type": TYPES[dtype], "dims": [int(size) for size in shape], "buffer": len(buffers) - 1}


def _result(told, data):
    if isinstance(told, dict) and "$kroma" in told:
        return values.over(DTYPES[told["type"]], tuple(told["dims"]), data[told["buffer"]])
    if isinstance(told, list):
        return _List(_result(item, data) for item in told)
    if isinstance(told, dict):
        return _Dict((name, _result(item, data)) for name, item in told.items())
    return told
