# SPDX-License-Identifier: Apache-2.0
"""The ends of a quantised part: what makes integers, and what makes them float again."""

from __future__ import annotations

import numpy as np
from onnx import helper

from espdl.frontend.operator_form import Form, form
from espdl.frontend.operator_form.form import Grid
from espdl.frontend.refusals import RUNNING_SCALE


@form("QuantizeLinear")
def quantize(f: Form) -> bool | None:
    """Stays as it is; ONNX Runtime's own, which was there before ONNX had 16 bits, becomes ONNX's."""
    scale, zero = f.scope.array(f.input(1)), f.scope.array(f.input(2)) if f.input(2) else None
    if scale is not None and scale.size == 1 and (zero is not None or not f.input(2)):
        if zero is None:
            kind = f.attributes.get("output_dtype", 0)
            zero = np.zeros((), helper.tensor_dtype_to_np_dtype(kind) if kind else np.uint8)
        f.grids[f.node.output[0]] = Grid(scale.astype(np.float32).reshape(()), zero.reshape(()))
    return _of_onnx(f)


@form("DequantizeLinear")
def dequantize(f: Form) -> bool | None:
    return _of_onnx(f)


def _of_onnx(f: Form) -> bool | None:
    if f.node.domain != "com.microsoft":
        return False
    f.compute(f.node.op_type, *f.node.input, output=f.node.output[0], attributes=f.node.attribute)
    return None


@form("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM")
def dynamic(f: Form) -> None:
    raise f.error(
        RUNNING_SCALE,
        "pass the float model, which is quantised here with calibration data, or quantise it with fixed scales"
        " (quantize_static instead of quantize_dynamic in ONNX Runtime)",
    )
