# SPDX-License-Identifier: Apache-2.0
"""Scales and zero points of Relax's quantize and dequantize."""

from __future__ import annotations

import numpy as np

from espdl.partition.tvm_compat import attribute, is_constant, op_name


def is_per_tensor(call) -> bool:
    """Whether a quantize or dequantize has one scale."""
    return all(is_constant(c) and c.value.numpy().size == 1 for c in call.args[1:3])


def all_variables(definitions: list) -> bool:
    """Whether all are dequantizes, with one scale, of something that is no constant."""
    return all(
        op_name(d) == "relax.dequantize" and is_per_tensor(d) and not is_constant(d.args[0]) for d in definitions
    )


def same_scale(quantize, dequantize) -> bool:
    """Whether a dequantize with one scale reads what a quantize writes, in scale, zero point and type."""

    def same(a, b) -> bool:
        return is_constant(a) and a.value.numpy().size == 1 and np.array_equal(a.value.numpy(), b.value.numpy())

    return (
        is_per_tensor(dequantize)
        and all(same(a, b) for a, b in zip(quantize.args[1:3], dequantize.args[1:3]))
        and attribute(quantize, "out_dtype") == str(dequantize.args[0].ty.dtype.dtype)
    )


def range_of(call, dtype: str) -> tuple[float, float]:
    """The least and the largest real value of integers with the scale and zero point of a quantize or dequantize."""
    scale, zero_point = scale_of(call), float(call.args[2].value.numpy().reshape(()))
    info = np.iinfo(dtype)
    return scale * (info.min - zero_point), scale * (info.max - zero_point)


def scale_of(call) -> float:
    return float(call.args[1].value.numpy().reshape(()))
