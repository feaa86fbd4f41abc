# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of scheme affine on the ESP32-S3's vector unit: two products of 27 bits, proven for every pair."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from espdl.backends.lowering import Declined, portable
from espdl.ops.add import Add, AddParams, sum_of
from espdl.ops.numerics import Inexact
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Bits of a factor's lower part, of both parts, and of the unit in which offsets count.
LOW_BITS, FACTOR_BITS, OFFSET_BITS = 15, 27, 14
# Factors to try around the ratio of the scales, in the smallest steps.
TRIES = 6


class S3AffineAddParams(AddParams, c_type="espdl_s3_affine_add_params_t"):
    a_high: int
    a_low: int
    b_high: int
    b_low: int
    coarse: int
    fine: int
    shift: int


@dataclass(frozen=True)
class _Factors:
    """y = (256 * (a * a_factor + b * b_factor) + offset) >> unit, saturated."""

    a: int
    b: int
    offset: int
    unit: int


def lower_add(node: Add, target: Target) -> KernelCall | Declined:
    """Where some factors and an offset give exactly TFLite's result for all pairs of values."""
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(AddParams)
    found = _find(node, p)
    mask = (1 << LOW_BITS) - 1
    coarse, fine = found.offset >> OFFSET_BITS + LOW_BITS, found.offset >> OFFSET_BITS & mask
    params = S3AffineAddParams(
        **vars(p),
        a_high=found.a >> LOW_BITS,
        a_low=found.a & mask,
        b_high=found.b >> LOW_BITS,
        b_low=found.b & mask,
        coarse=coarse,
        fine=fine,
        shift=found.unit - LOW_BITS - 8,
    )
    return replace(call, function="espdl_s3_add_affine_s8", header="espdl/esp32s3/affine_add.h", params=params)


def _find(node: Add, p: AddParams) -> _Factors:
    a, b = np.arange(-128, 128)[:, None], np.arange(-128, 128)[None, :]
    y = sum_of(p, (a - p.a_zero_point).astype(np.int64), (b - p.b_zero_point).astype(np.int64)).astype(np.int64)
    (x, other), (out,) = node.inputs, node.outputs
    ratios = [float(np.float32(t.scale)) / float(np.float32(out.scale)) for t in (x, other)]
    # The unit of the output: as fine as the larger factor allows.
    unit = FACTOR_BITS - 1 - int(np.ceil(np.log2(max(ratios)))) + 8
    if not 8 + LOW_BITS <= unit <= 60:
        raise Inexact("its scales lie too far apart")
    near = [round(ratio * 2.0 ** (unit - 8)) for ratio in ratios]
    steps = sorted(range(-TRIES, TRIES + 1), key=abs)
    for da in steps:
        for db in steps:
            factors = near[0] + da, near[1] + db
            sums = 256 * (a * factors[0] + b * factors[1])
            inner, above = y > p.activation_min, y < p.activation_max
            first = ((y << unit) - sums)[inner].max(initial=-(2**62))
            last = ((y + 1 << unit) - 1 - sums)[above].min(initial=2**62)
            step = 1 << OFFSET_BITS
            offset = -(-first // step) * step if first > -(2**62) else last // step * step
            if offset <= last and abs(offset) < 1 << OFFSET_BITS + LOW_BITS + 15 and min(factors) >= 0:
                return _Factors(*factors, int(offset), unit)
    raise Inexact("no factors of the vector unit give exactly its sums")
