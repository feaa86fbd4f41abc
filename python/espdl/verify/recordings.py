# SPDX-License-Identifier: Apache-2.0
"""Files with recordings: the arrays of a model's inputs, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl.errors import EspdlError
from espdl.frontend.loader import ValueInfo


@dataclass(frozen=True)
class Recordings:
    """`arrays` by name, "" where the file has one without; `what` names the file in messages."""

    arrays: Mapping[str, np.ndarray]
    what: str

    def array(self, value: ValueInfo) -> np.ndarray:
        """What the file has for an input, in its type. Raises EspdlError where it has nothing, or other values."""
        found = self.arrays.get(value.name, self.arrays.get("x", self.arrays.get("")))
        if found is None:
            remedy = f"save one; it holds: {', '.join(self.arrays)}"
            raise EspdlError(self.what, f"it has no array '{value.name}'", remedy)
        result = np.asarray(found).astype(value.dtype)
        if np.issubdtype(result.dtype, np.integer) and (result != found).any():
            remedy = "save what the model's input takes"
            raise EspdlError(self.what, f"it has values for '{value.name}' that are no {value.dtype}", remedy)
        return result

    def of_shape(self, value: ValueInfo, axis: int, most: int | None = 1) -> list[np.ndarray]:
        """Recordings of an input, each of its shape [1, ...] but longer along `axis`; one may be without batch.

        Raises EspdlError where the array is none, or has more than `most` of them.
        """
        x, shape = self.array(value), value.shape
        x = x[np.newaxis] if x.ndim == len(shape) - 1 else x
        wanted = [size for i, size in enumerate(shape) if i not in (0, axis)]
        others = [size for i, size in enumerate(x.shape) if i not in (0, axis)]
        if x.ndim != len(shape) or others != wanted or not 1 <= len(x) <= (most or len(x)):
            dims = ["time" if i == axis else str(size) for i, size in enumerate(shape)]
            remedy = f"save one recording of the shape [{', '.join(dims)}]"
            raise EspdlError(self.what, f"its shape is {list(x.shape)}", remedy)
        return np.split(x, len(x))


def read(path: str | Path, kind: str) -> Recordings:
    """Raises EspdlError where the file is none of numpy's; `kind` says what it is for."""
    what = f"{kind} {Path(path).name}"
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {name: loaded[name] for name in loaded.files} if Path(path).suffix == ".npz" else {"": loaded}
    except Exception as error:  # numpy raises many types for one reason: not an array file
        raise EspdlError(what, f"it cannot be read as a numpy file ({error})", "save it with numpy.savez") from error
    return Recordings(arrays, what)
