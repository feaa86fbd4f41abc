# SPDX-License-Identifier: Apache-2.0
"""Evaluation data: inputs that calibration has not seen, and labels where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl import frontend
from espdl.errors import EspdlError
from espdl.frontend import Model
from espdl.pipeline import Options
from espdl.quantize import calibration, samples

_INPUT_NAMES = ("x", "inputs", "images", "data")
# Without evaluation data, as many calibration samples serve.
CALIBRATION_SAMPLES = 64
_LABEL_NAMES = ("label", "labels", "y")


@dataclass(frozen=True)
class Evaluation:
    """`inputs`: [N, input shape] by name; `labels` int64 [N] or None, -1 where a sample has none."""

    name: str
    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def first(self, count: int) -> Evaluation:
        """The first `count` samples; all for 0."""
        if not count or count >= len(self):
            return self
        labels = None if self.labels is None else self.labels[:count]
        return Evaluation(self.name, {n: a[:count] for n, a in self.inputs.items()}, labels)


def of(options: Options, path: str | None, count: int = 0) -> Evaluation:
    """The data in `path`, or without one the first calibration samples, for the model that `options` name.

    `count`: the most samples to use; 0 means all, or `CALIBRATION_SAMPLES` of the calibration data. Raises EspdlError.
    """
    model = frontend.load(options.model, options.shapes, options.input)
    if path:
        return load(path, model).first(count)
    given = calibration.open(options.calibration, model, min(count or CALIBRATION_SAMPLES, CALIBRATION_SAMPLES))
    rows = list(given)
    inputs = {i.name: np.stack([row[i.name] for row in rows]) for i in model.inputs}
    return Evaluation(f"{given.label} (calibration)", inputs)


def load(path: str | Path, model: Model) -> Evaluation:
    """A .npy with the samples of the only input; or a .npz with an array per input (or `x` for the only one), and
    `label`.

    Raises EspdlError for a file that is none, missing arrays, wrong shapes, NaN, or labels that are no classes.
    """
    path = Path(path)
    what = f"evaluation data {path.name}"
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {name: loaded[name] for name in loaded.files} if path.suffix == ".npz" else {"x": loaded}
    except Exception as error:  # numpy raises many types for one reason: not an array file
        raise EspdlError(what, f"it cannot be read as a numpy file ({error})", "save it with numpy.savez") from error
    inputs = {}
    for value in model.inputs:
        names = (value.name, *(_INPUT_NAMES if len(model.inputs) == 1 else ()))
        name = next((n for n in names if n in arrays), None)
        if name is None:
            raise EspdlError(
                what, f"it has no array '{value.name}'", f"save one array per input; it holds: {', '.join(arrays)}"
            )
        array = arrays[name]
        samples.check_shape(array.shape, value.shape, what, value.name)
        if not len(array):
            raise EspdlError(what, f"array '{name}' holds no samples", "save at least one sample")
        array = array.reshape(len(array), *value.shape).astype(value.dtype)
        if array.dtype.kind == "f" and not (array < np.inf).all():  # minus infinity is a mask's
            raise EspdlError(what, f"array '{name}' holds NaN or infinite values", "remove those samples")
        inputs[value.name] = array
    if len({len(a) for a in inputs.values()}) != 1:
        raise EspdlError(what, "its arrays hold different numbers of samples", "give every input the same number")
    result = Evaluation(path.name, inputs)
    labels = next((arrays[n] for n in _LABEL_NAMES if n in arrays), None)
    return result if labels is None else Evaluation(path.name, inputs, _labels(labels, len(result), what))


def _labels(labels: np.ndarray, count: int, what: str) -> np.ndarray:
    if labels.shape[:1] == (count,) and labels.size > count:  # one-hot
        labels = labels.reshape(count, -1).argmax(axis=1)
    if labels.size != count or not np.array_equal(labels, np.rint(labels)):
        raise EspdlError(
            what,
            f"its labels have the shape {list(labels.shape)} or are no whole numbers",
            "save one class number per sample, -1 for unknown",
        )
    return labels.reshape(-1).astype(np.int64)
