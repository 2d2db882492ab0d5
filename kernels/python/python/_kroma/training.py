"""kroma.ml.train: networks are trained by the notebook outside of this interpreter (plugins/train), the same as in TypeScript."""

import json
import os
import re

from . import bridge, ml, values
from .service import ERRORS, Awaitable

# Options by Python's names, and by those of the service.
NAMES = {
    "batch_size": "batchSize",
    "learning_rate": "learningRate",
    "softmax_cross_entropy": "softmaxCrossEntropy",
    "validation_loss": "validationLoss",
    "validation_accuracy": "validationAccuracy",
}
OURS = {theirs: name for name, theirs in NAMES.items()}


class Training(Awaitable):
    """What came of a training.

    `history` is a list of dicts: epoch, step, loss, accuracy (for classes), validation_loss and validation_accuracy (at the end of
    an epoch). `loss`, `accuracy` and so on are its last. `layers` has the weights, bias and activation of each dense layer, `onnx`
    the bytes of a file for `kroma.ml.load`. `resumed` says where it went on from: epochs that were over, and steps of the next.
    """

    def __init__(self, history, layers, onnx, resumed):
        self.history, self.layers, self.onnx, self.resumed = history, layers, onnx, resumed
        last = history[-1]
        self.loss, self.accuracy = last["loss"], last.get("accuracy")
        self.validation_loss, self.validation_accuracy = last.get("validation_loss"), last.get("validation_accuracy")

    def __repr__(self):
        told = {"loss": self.loss, "accuracy": self.accuracy, "validation_accuracy": self.validation_accuracy}
        shown = ", ".join(f"{name} {value:.4f}" for name, value in told.items() if value is not None)
        return f"<Training of {self.history[-1]['epoch']} epochs: {shown}>"


def train(
    x,
    y,
    *,
    layers,
    file=None,
    loss="softmax_cross_entropy",
    optimizer="adam",
    epochs=1,
    batch_size=32,
    seed=0,
    validation=None,
    checkpoint=None,
    on_progress=None,
):
    """Trains a network of dense layers, outside of this interpreter; a `Training`.

        kroma.ml.train(x, y, layers=[{"units": 64, "activation": "relu"}, {"dropout": 0.1}, {"units": 10}], epochs=5)

    `x` and `y` are arrays of as many rows (NumPy, `array`, lists), or the names of columns of `file`, a Parquet or Arrow file of the
    workspace that is read piece by piece. Activations: relu, tanh, sigmoid, and softmax at the end. `loss` is for classes, "mse" for
    numbers. `optimizer` is "adam", "sgd", or {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}.
    `validation` is (x, y), or {"file", "x", "y"}, and is not learned from. The same `seed` gives the same numbers.
    With a `checkpoint`, an .npz file, a training that was interrupted goes on where it was. `on_progress(point, history)` hears of it.
    """
    tensors, buffers = [], []

    def add(name, data):
        tensor, part = ml._wire(name, data.to_numpy() if hasattr(data, "to_numpy") else data, None)
        tensors.append(tensor)
        buffers.append(part)

    def table(file, x, y, names):
        if file is not None:
            return {"file": os.fspath(file), "x": x, "y": y}
        for name, data in zip(names, (x, y)):
            add(name, data)
        return None

    value = {
        "layers": layers,
        "loss": NAMES.get(loss, loss),
        "optimizer": {"name": optimizer} if isinstance(optimizer, str) else {NAMES.get(k, k): v for k, v in optimizer.items()},
        "epochs": epochs,
        "batchSize": batch_size,
        "seed": seed,
        "tensors": tensors,
    }
    given = {"table": table(file, x, y, ("x", "y"))}
    if validation is not None:
        held = validation if isinstance(validation, dict) else dict(zip(("x", "y"), validation))
        given["validationTable"] = table(held.get("file"), held["x"], held["y"], ("validation.x", "validation.y"))
    if checkpoint is not None:
        given["checkpoint"] = os.fspath(checkpoint)
    value.update((name, part) for name, part in given.items() if part is not None)
    return _run(_steps(value, buffers, on_progress))


def _steps(value, buffers, on_progress):
    """Yields each call's answer to be waited for, and is sent what it was."""
    started, _ = _told((yield bridge.call("train", "start", value, buffers)))
    training = {"training": started["training"]}
    history, told = [], 0
    try:
        while True:
            asked = {**training, "told": told, "have": len(history), "soon": True}
            news, data = _told((yield bridge.call("train", "follow", asked)))
            at, before, told = news["at"], history[news["at"] :], news["told"]
            history[at:] = [{OURS.get(name, name): part for name, part in point.items()} for point in news["points"]]
            if news["isOver"]:
                return Training(history, _layers(news["layers"], data), bytes(data[-1]), started.get("resumed"))
            # What was there before it was asked is told once.
            first = len(history) - 1 if at == 0 and not before else at
            for index in range(first, len(history) if on_progress is not None else 0):
                if history[index] not in before:
                    on_progress(history[index], history[: index + 1])
    except Exception:
        # It has stopped when the caller hears of the error.
        yield bridge.call("train", "stop", training)
        raise
    except BaseException:
        bridge.host.tellService(json.dumps({"service": "train", "method": "stop", "value": training}))
        raise


def _run(steps):
    """What the steps come to; a coroutine where answers have to be waited for."""
    answer = next(steps)
    if isinstance(answer, tuple):
        try:
            while True:
                answer = steps.send(answer)
        except StopIteration as end:
            return end.value

    async def later():
        nonlocal answer
        try:
            while True:
                answer = steps.send(await answer)
        except StopIteration as end:
            return end.value

    return later()


def _told(answer):
    told, data = answer
    error = told.get("error")
    if error is not None:
        sentence = re.sub(r"\w+", lambda word: OURS.get(word[0], word[0]), error["message"])
        raise ERRORS.get(error["code"], RuntimeError)(sentence)
    return told.get("value"), data


def _layers(told, data):
    layers = []
    for index, layer in enumerate(told):
        shape = layer["shape"]
        weights = values.over("<f4", tuple(shape), data[2 * index])
        bias = values.over("<f4", (shape[1],), data[2 * index + 1])
        layers.append({"weights": weights, "bias": bias, "activation": layer.get("activation")})
    return layers
