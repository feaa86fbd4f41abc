# SPDX-License-Identifier: Apache-2.0
"""What the integers of Relax's quantize and dequantize stand for."""

from __future__ import annotations

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import attribute, dtype_of, is_constant, op_name
from espdl.quantization import Quantization


def quantization(call: relax.Expr) -> Quantization | None:
    """Of a quantize or dequantize; None for every other expression, and where a scale is no constant."""
    if op_name(call) not in ("relax.quantize", "relax.dequantize") or not all(map(is_constant, call.args[1:3])):
        return None
    dtype = attribute(call, "out_dtype") if op_name(call) == "relax.quantize" else dtype_of(call.args[0])
    scale, zero_point = (a.value.numpy() for a in call.args[1:3])
    if scale.size == zero_point.size == 1:
        return Quantization(np.float32(scale.item()), int(zero_point.item()), dtype)
    return Quantization(scale, zero_point, dtype, attribute(call, "axis"))


def per_tensor(call: relax.Expr) -> Quantization | None:
    """The same, where it is one scale."""
    found = quantization(call)
    return found if found is not None and found.is_per_tensor else None


def of_variable(call: relax.Expr) -> Quantization | None:
    """The same of a dequantize of something that is no constant."""
    return per_tensor(call) if op_name(call) == "relax.dequantize" and not is_constant(call.args[0]) else None


def same_scale(call: relax.Expr, other: relax.Expr) -> bool:
    """Whether the integers of two such calls, one scale each, stand for the same numbers."""
    one, two = per_tensor(call), per_tensor(other)
    return one is not None and two is not None and one.same_as(two)
