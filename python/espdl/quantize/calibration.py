# SPDX-License-Identifier: Apache-2.0
"""Calibration data: representative inputs, read one sample at a time so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl.errors import EspdlError, first_line
from espdl.frontend import Model
from espdl.frontend.loader import ValueInfo
from espdl.quantize import samples
from espdl.quantize.npy_rows import NpyRows, arrays
from espdl.wording import option

_HOW = "pass a .npy file of shape {shape} (float32), or a .npz file with one array per input"


@dataclass(frozen=True)
class Calibration:
    """Samples for every input of a model. `files` are all files that were read; iteration yields them in the shapes of
    the inputs."""

    label: str
    files: tuple[Path, ...]
    arrays: tuple[dict[str, NpyRows], ...]
    inputs: tuple[ValueInfo, ...]
    limit: int = 0

    def __len__(self) -> int:
        total = sum(len(next(iter(part.values()))) for part in self.arrays)
        return min(total, self.limit) if self.limit else total

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        given = 0
        for file, part in zip(self.files, self.arrays):
            for row, values in enumerate(zip(*(part[i.name] for i in self.inputs))):
                if given == len(self):
                    return
                yield {i.name: _sample(v, i, row, file) for i, v in zip(self.inputs, values)}
                given += 1


def _sample(values: np.ndarray, value: ValueInfo, row: int, file: Path) -> np.ndarray:
    sample = np.asarray(values, dtype=value.dtype)
    # Minus infinity is a mask's; where it is none, that is told when the range of the input is looked at.
    if sample.dtype.kind == "f" and not (sample < np.inf).all():
        raise EspdlError(
            f"calibration {file.name}",
            f"sample {row} of input '{value.name}' holds NaN or infinite values",
            "remove that sample, or fix the preprocessing that made it",
        )
    return sample.reshape(value.shape)


def open(path: str | Path | None, model: Model, limit: int = 0) -> Calibration:
    """Calibration data in a .npy, a .npz or a folder of such files; `limit` > 0 uses only the first samples.

    .npy: `[N, input shape]` as `samples` defines it, for models with one input. .npz: one such array per input name,
    equal N. Raises EspdlError for a missing file, a wrong shape or dtype, or no samples; NaN is found on
    reading.
    """
    if path is None:
        raise EspdlError(
            model.label,
            "it carries no quantisation, and there is no calibration data to choose scales from",
            f"pass {option('calibration')}: " + _HOW.format(shape=samples.expected(model.inputs[0].shape)),
        )
    path = Path(path)
    files = _files(path)
    arrays = tuple(_load(file, model) for file in files)
    calibration = Calibration(path.name, tuple(files), arrays, model.inputs, limit)
    if len(calibration) == 0:
        raise EspdlError(
            f"calibration {path.name}", "it holds no samples", "pass at least one sample; 50 to 500 are typical"
        )
    return calibration


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise EspdlError(
            f"calibration {path.name}", f"there is no such file or folder ({path})", f"check {option('calibration')}"
        )
    files = sorted(p for p in path.iterdir() if p.suffix in (".npy", ".npz"))
    if not files:
        raise EspdlError(
            f"calibration {path.name}", "the folder holds no .npy or .npz file", "save samples with numpy.save into it"
        )
    return files


def _load(file: Path, model: Model) -> dict[str, NpyRows]:
    what = f"calibration {file.name}"
    try:
        held = arrays(file)
    except Exception as error:  # numpy raises many types for one reason: not an array file
        raise EspdlError(
            what, f"it cannot be read as a numpy file ({first_line(error)})", "save it with numpy.save or numpy.savez"
        ) from error
    if file.suffix != ".npz":
        if len(model.inputs) != 1:
            raise EspdlError(
                what,
                f"the model has {len(model.inputs)} inputs, a .npy file serves one",
                "pass a .npz file with one array per input: " + ", ".join(i.name for i in model.inputs),
            )
        held = {model.inputs[0].name: held[""]}
    missing = [i.name for i in model.inputs if i.name not in held]
    if missing:
        raise EspdlError(
            what,
            f"it has no array named '{missing[0]}'",
            f"save one array per input, named: {', '.join(i.name for i in model.inputs)}",
        )
    if len({held[i.name].shape[:1] for i in model.inputs}) != 1:
        raise EspdlError(
            what, "its arrays hold different numbers of samples", "give every input the same number of samples"
        )
    return {i.name: _checked(held[i.name], i, what) for i in model.inputs}


def _checked(array: NpyRows, value: ValueInfo, what: str) -> NpyRows:
    samples.check_shape(array.shape, value.shape, what, value.name)
    if not (array.dtype.kind == "f" and value.dtype == "float32") and array.dtype != np.dtype(value.dtype):
        raise EspdlError(
            what,
            f"its dtype for input '{value.name}' is {array.dtype}, expected {value.dtype}",
            "apply the preprocessing of the training (scaling included), then save it as " + value.dtype,
        )
    return array
