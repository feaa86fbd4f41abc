# SPDX-License-Identifier: Apache-2.0
"""Inputs that the application never changes, such as a sample rate: constants, so that what depends on them folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.errors import EspdlError


def fix(proto: onnx.ModelProto, label: str, values: Mapping[str, Sequence[float]]) -> None:
    """Makes constants, in place, of the inputs that `values` names: one number for all elements, or one for each.

    Dimensions without a size become 1. Raises EspdlError for a name that is no input, and numbers that do not fit it.
    """
    inputs = {i.name: i for i in proto.graph.input}
    for name, numbers in values.items():
        what = f"{label}: value of input '{name}'"
        if name not in inputs:
            raise EspdlError(what, "the model has no such input", f"its inputs are: {', '.join(inputs)}")
        tensor = inputs[name].type.tensor_type
        shape = [dim.dim_value if dim.dim_value > 0 else 1 for dim in tensor.shape.dim]
        count = int(np.prod(shape))
        if len(numbers) not in (1, count):
            why = f"it has {len(numbers)} numbers, and the input the shape {shape}"
            raise EspdlError(what, why, f"give one number for all elements, or {count}")
        kind = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        array = np.broadcast_to(np.asarray(numbers, np.float64).reshape(-1), (count,)).reshape(shape).astype(kind)
        if not np.array_equal(array.astype(np.float64).reshape(-1), np.broadcast_to(numbers, (count,))) and (
            kind.kind != "f"
        ):
            raise EspdlError(what, f"{numbers[0]:g} is no {kind}", "give a number that the input's type can hold")
        proto.graph.input.remove(inputs[name])
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
