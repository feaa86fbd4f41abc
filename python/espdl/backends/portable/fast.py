# SPDX-License-Identifier: Apache-2.0
"""The requantisation that costs least (`espdl_fast_channel_t`): where it is exact, and its records.

TFLite rounds acc * multiplier * 2**-31 * 2**-e twice, ties up and then ties away from zero. With h the high word of
4 * acc * multiplier that is floor((h + 1 + 2**e + (-2 if acc <= 0)) / 2**(e + 1)) for e >= 1; the zero point joins
the sum before the shift. With multiplier 2**30 h is acc itself, and ties that go up need only their half.

A channel whose output is the same for every input (a dead one, whose ratio is often out of all range) has multiplier 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.backends.accumulators import ends, reach
from espdl.ops.numerics import requantize
from espdl.ops.params import Rounded
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP

INT32 = 2**31
# With multiplier 0, a shift that keeps the correction of negative sums from reaching the result.
_CONSTANT_SHIFT = 9


def decline_fast(call: KernelCall) -> str | None:
    """Why the fast requantisation is not exact for `call`, whose constants are those of a conv2d or gemm, or None."""
    p: Any = call.params_of(Rounded)
    rounding = p.rounding
    if rounding == ROUND_HALF_EVEN:
        return "the fast kernels do not round ties to even"
    if not p.activation_min <= p.output_zero_point <= p.activation_max:
        return "an activation that never gives 0 needs the general requantisation"
    records = _Records(call)
    live = ~records.is_constant
    if (records.shift[live] < (0 if rounding == ROUND_HALF_UP else 2)).any():
        return "a scale ratio of 1/2 or more needs the general requantisation"
    bound = np.maximum(-records.least, records.most)
    if bound[live].max(initial=0) >= 2**29:
        return f"a sum can reach {bound[live].max()}, and the fast requantisation takes less than 2**29"
    if (records.reach >= INT32).any():
        return "the bias with the zero point folded in does not fit 32 bits"
    largest = (4 * bound * records.multiplier >> 32) + 3 + np.abs(records.offset)
    if (largest[live] >= INT32).any() or (records.shift[live] > 31).any():
        return "its shift and zero point together leave the range of the fast requantisation"
    return None


def sums_reach(call: KernelCall) -> int:
    """What no sum with its bias exceeds in magnitude, of any channel."""
    records = _Records(call)
    return int(np.maximum(-records.least, records.most).max())


def partial_sums_reach(call: KernelCall) -> int:
    """What no part of a sum exceeds in magnitude, of values as they are and the bias of the records."""
    return int(_Records(call).reach.max())


def fast_records(call: KernelCall, multiple: int = 1) -> np.ndarray:
    """int32 [channels, 4], the memory of `espdl_fast_channel_t`; channels rounded up to a multiple of `multiple`."""
    r = _Records(call)
    records = np.stack([r.bias, r.multiplier, r.offset, r.shift], axis=1).astype(np.int32)
    return np.pad(records, ((0, -len(records) % multiple), (0, 0)))


class _Records:
    """int64 [channels] each: the fields of the records, and the range [least, most] of the sums with their bias."""

    def __init__(self, call: KernelCall):
        p: Any = call.params
        weights = call.constant("weights").astype(np.int64)
        weights = weights.reshape(len(weights), -1)
        bias = call.constant("bias").astype(np.int64)
        low, high = ends(weights, -128 - p.input_zero_point, 127 - p.input_zero_point)
        self.least, self.most = bias + low, bias + high
        self.bias = bias - p.input_zero_point * weights.sum(axis=1)
        self.reach = reach(weights, 128, self.bias)
        multiplier, e = (call.constant(name).astype(np.int64) for name in ("multiplier", "shift"))
        zero_point = np.asarray(p.output_zero_point, np.int64)

        def output(acc: np.ndarray) -> np.ndarray:
            y = requantize(acc, multiplier, e, p.rounding) + zero_point
            return np.clip(y, p.activation_min, p.activation_max)

        self.is_constant = output(self.least) == output(self.most)
        zero_point = np.where(self.is_constant, output(self.least), zero_point)
        e = np.where(self.is_constant, _CONSTANT_SHIFT, e)
        if p.rounding == ROUND_HALF_UP:
            half = np.where(e > 0, np.int64(1) << np.maximum(e - 1, 0), 0)
            multiplier, self.offset, self.shift = np.full_like(e, 2**30), half + (zero_point << e), e
        else:
            e = np.maximum(e, 0)
            self.offset, self.shift = 1 + (np.int64(1) << e) + (zero_point << (e + 1)), e + 1
        self.multiplier = np.where(self.is_constant, 0, multiplier)
