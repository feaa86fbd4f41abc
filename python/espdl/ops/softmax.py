# SPDX-License-Identifier: Apache-2.0
"""Softmax over the last axis (ONNX Softmax, quantised)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

# The output of int16 has scale 2**-INT16_BITS and zero point 0.
INT16_BITS = 15
# Of int8: the bits of an exponential behind its first 15; the greatest shift of a product of two numbers of 15 bits.
LOW_BITS, MAX_SHIFT = 6, 22


class SoftmaxS16Params(Params, c_type="espdl_softmax_s16_params_t"):
    rows: int
    length: int


class SoftmaxParams(SoftmaxS16Params, c_type="espdl_softmax_params_t"):
    output_scale: int
    output_shift: int
    output_zero_point: int


@operator("softmax")
class Softmax(Operator):
    """Rows of `length` elements; the output has the input's shape; int8 or int16."""

    length: int

    onnx = ("Softmax",)
    limits = "last axis in memory, up to 2,048 elements (int8)"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.call("relax.nn.softmax", p.dequantized("x"), label="softmax"))

    @classmethod
    def from_match(cls, match: Match) -> Softmax:
        shape = match.tensor("x").shape
        axis = match.attribute("softmax", "axis") % len(shape)
        if math.prod(shape[axis + 1 :]) != 1:
            raise Mismatch(f"its axis {axis} is not the last of {len(shape)} in memory")
        return cls(*match.ports, length=shape[axis])

    @staticmethod
    def reference(params: SoftmaxParams | SoftmaxS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        x = inputs[0].astype(np.int64).reshape(params.rows, params.length)
        distance = x.max(axis=1, keepdims=True) - x
        if isinstance(params, SoftmaxParams):
            y = _int8(params, distance, constants)
        else:
            y = _int16(distance, constants)
        return [y.reshape(inputs[0].shape)]


def _int8(params: SoftmaxParams, distance: np.ndarray, constants: Constants) -> np.ndarray:
    """Sums are of all bits of the exponentials, outputs made of 15, rounded: by a half that the table's values have and
    sums have not."""
    values = constants["exponentials"].astype(np.int64)[255 - distance]
    total = values.sum(axis=1, keepdims=True) - (params.length << LOW_BITS >> 1)
    whole = (total >> 1) * params.output_scale >> 32
    shift = np.full_like(whole, params.output_shift)
    for _ in range(params.output_shift, MAX_SHIFT):
        is_long = (whole >= 1 << 17) & (shift < MAX_SHIFT)
        whole, shift = whole >> is_long, shift + is_long
    factor = np.minimum(((1 << 31) + whole // 2) // whole, 32767)
    start = (2 * params.output_zero_point + 1) << (shift - 1)
    return np.minimum(((values >> LOW_BITS) * factor + start) >> shift, 127).astype(np.int8)


def _int16(distance: np.ndarray, constants: Constants) -> np.ndarray:
    """An exponential is the product of two out of tables of 256, for the high and the low byte of the distance."""
    coarse, fine = (constants[name].astype(np.int64) for name in ("coarse", "fine"))
    values = (coarse[distance >> 8] * fine[distance & 255]) >> 30
    total = values.sum(axis=1, keepdims=True)
    return np.minimum(((values << INT16_BITS) + total // 2) // total, 32767).astype(np.int16)
