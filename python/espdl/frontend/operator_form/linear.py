# SPDX-License-Identifier: Apache-2.0
"""The ends of a quantised part: what makes integers, and what makes them float again."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import array
from espdl.frontend.operator_form import Form, form
from espdl.frontend.refusals import RUNNING_SCALE


@form("QuantizeLinear")
def quantize(f: Form) -> ir.Value | None:
    """Stays as it is; ONNX Runtime's own, which was there before ONNX had 16 bits, becomes ONNX's."""
    result = _of_onnx(f)
    scale, zero = array(f.input(1)), array(f.input(2))
    if scale is not None and scale.size == 1 and (zero is not None or f.input(2) is None):
        if zero is None:
            kind = f.attributes.get("output_dtype", 0)
            zero = np.zeros((), ir.DataType(kind).numpy() if kind else np.uint8)
        f.known[f.node.outputs[0] if result is None else result] = f.of(scale, zero)
    return result


@form("DequantizeLinear")
def dequantize(f: Form) -> ir.Value | None:
    return _of_onnx(f)


def _of_onnx(f: Form) -> ir.Value | None:
    return f.compute(f.node.op_type, *f.node.inputs) if f.node.domain else None


@form("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM")
def dynamic(f: Form) -> None:
    raise f.error(
        RUNNING_SCALE,
        "pass the float model, which is quantised here with calibration data, or quantise it with fixed scales"
        " (quantize_static instead of quantize_dynamic in ONNX Runtime)",
    )
