# SPDX-License-Identifier: Apache-2.0
"""Scheme affine on the ESP32-S3's vector unit: outputs of products of two tensors, in lanes of 40 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.backends.accumulators import range_of
from espdl.backends.esp32s3.affine_packing import SCALES_AHEAD, scale_numbers
from espdl.backends.esp32s3.scales import WantedOutputs, solve_words
from espdl.backends.lowering import packing
from espdl.plan.types import Constant, KernelCall, Tensor

# Lanes of q7, of int16: port/esp32s3/src/words.h, requantise.h.
MINUS_A_OFFSET, FINE, MINUS_UNIT, COARSE, BITS, SHIFT, IS_SIGNED = range(7)


def scale_constants(p: Any, a: Tensor, b: Tensor, inner: int = 1) -> tuple[Constant, ...]:
    """What the packing `words` takes, of sums of `inner` products of both tensors; Inexact where nothing is exact.

    `p`: parameters with zero points, multiplier, shift and activation of a kernel of two tensors.
    """
    ends = [value - t.zero_point for t in (a, b) for value in range_of(t)]
    products = [x * y * inner for x in ends[:2] for y in ends[2:]]
    of_one = (np.array([n], np.int64) for n in (p.multiplier, p.shift, min(products), max(products), 0))
    multiplier, shift, least, most, offset = of_one
    limits = p.activation_min, p.activation_max
    wanted = WantedOutputs(multiplier, shift, least, most, offset, p.output_zero_point, *limits)
    found = solve_words(wanted)
    lanes = np.zeros(8, np.int64)
    lanes[[FINE, COARSE]] = 1 << found.fine_bits, 1 << found.coarse_bits
    lanes[MINUS_UNIT] = -1 << found.bits
    lanes[[BITS, SHIFT, IS_SIGNED]] = found.bits, found.shift, wanted.is_signed
    return Constant("lanes", lanes), *found.constants()


@packing("esp32s3_words")
def words(call: KernelCall) -> list[np.ndarray]:
    """The constant operand, if there is one; int16: vectors as port/esp32s3/src/words.h says."""
    p: Any = call.params
    operands = [c.data for c in call.constants if c.name == "values"]
    lanes = call.constant("lanes").copy()
    offsets = 128 + np.array([p.a_zero_point, p.b_zero_point])
    lanes[MINUS_A_OFFSET] = -offsets[0]
    numbers = scale_numbers(call, int(lanes[BITS]), bool(lanes[IS_SIGNED]))[0]
    signs = np.full(8, -0x7F80)  # the highest bit of each byte
    rows = [lanes, signs, *(np.full(8, value) for value in (*offsets, *numbers)), np.zeros(SCALES_AHEAD // 2)]
    return [*operands, np.concatenate(rows).astype(np.int16)]
