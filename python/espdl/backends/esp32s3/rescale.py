# SPDX-License-Identifier: Apache-2.0
"""From 16 to 8 bits on the ESP32-S3's vector unit, in lanes of 40 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.rescale import Rescale, RescaleParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

# A slope is 2^15 times an int16, and 15 bits. What is stored are the high bytes of the lanes' int16.
LOW_BITS, BYTE = 15, 8
SLOPE_BITS = 2 * LOW_BITS
# Of a shift of lanes of 40 bits.
MAX_SHIFT = 39
LANES = 8


@lowering("rescale", "esp32s3", "int16")
def lower_rescale(node: Rescale, target: Target) -> KernelCall | Declined:
    """A line that meets every output of the 65,536 inputs, for 16 elements at once."""
    (x,), (y,) = node.inputs, node.outputs
    if y.dtype != "int8" or x.dtype not in ("int16", "uint16"):
        return Declined(f"the vector unit makes int8 of 16 bits, not {y.dtype} of {x.dtype}")
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    lanes = solve_line(call.params_of(RescaleParams), x.dtype)
    if lanes is None:
        return Declined(f"no slope of {SLOPE_BITS} bits gives the outputs of all inputs exactly")
    return replace(
        call,
        function="espdl_s3_rescale_16_s8",
        header="espdl/esp32s3/rescale.h",
        constants=(Constant("lanes", np.array(lanes, np.int64)),),
        in_place=((0, 0),),
        packing="esp32s3_rescale",
    )


def solve_line(p: RescaleParams, dtype: str) -> tuple[int, int, int, int, int, int] | None:
    """Numbers (low, high, a, b, shift, sign) with which every x of int16, or uint16 less 2^15, gives its output:
    ((((x * low) >> 15) + x * high + a * b) >> shift) >> 8, saturated; shifts round down. None: there are none."""
    info = np.iinfo(dtype)
    inputs = np.arange(info.min, info.max + 1)
    (outputs,) = Rescale.reference(p, [inputs], {})
    sign = -(2**15) if info.min == 0 else 0
    x = inputs + sign
    # of each output above the least: where it is reached
    reached = np.searchsorted(outputs, np.arange(-127, 128)).tolist()
    slopes = [((p.multiplier + (1 << n >> 1)) >> n, p.shift - n) for n in range(1, SLOPE_BITS // 2)]
    for slope, bits in (*slopes, (0, LOW_BITS + BYTE)):  # the last one where all outputs are alike
        shift = bits - LOW_BITS - BYTE
        if slope >> SLOPE_BITS or not 0 <= shift <= MAX_SHIFT:
            continue
        start = _product(*_starts(reached, slope, bits))
        if start is None:
            continue
        high, low = divmod(slope, 1 << LOW_BITS)
        lines = ((x * low >> LOW_BITS) + x * high + start[0] * start[1]) >> shift
        if np.array_equal(np.clip(lines, -(2**15), 2**15 - 1) >> BYTE, outputs):
            return low, high, *start, shift, sign
    return None


def _starts(reached: list[int], slope: int, bits: int) -> tuple[int, int]:
    """The least and the most, in units of 2**LOW_BITS, that a line may have at zero: it must cross each multiple of
    2**bits between the last input below that output and the first that has it, inputs counted from -2^15 on."""
    outputs = range(-127, 128)
    crossings = [((k << bits) - (place - 2**15) * slope, place) for k, place in zip(outputs, reached, strict=True)]
    least = [start for start, place in crossings if place < 2**16]
    most = [start + slope - 1 for start, place in crossings if place > 0]
    unknown = 1 << SLOPE_BITS + LOW_BITS
    return -(-max(least, default=-unknown) >> LOW_BITS), min(most, default=unknown) >> LOW_BITS


def _product(least: int, most: int) -> tuple[int, int] | None:
    """Two int16 whose product lies in a range."""
    a = np.arange(1, 2**15)
    b = min(most, int(a[-1]) ** 2) // a
    fits = np.flatnonzero((a * b >= least) & (b >= -(2**15)) & (b < 2**15))
    return (int(a[fits[0]]), int(b[fits[0]])) if len(fits) else None


@packing("esp32s3_rescale")
def rescale(call: KernelCall) -> list[np.ndarray]:
    """int16: vectors of low, high, a and the shift; of b; of what inverts the sign of uint16."""
    low, high, a, b, shift, sign = call.constant("lanes").tolist()
    numbers = [low, high, a, shift, *[0] * (LANES - 4)]
    return [np.array([*numbers, *[b] * LANES, *[sign] * LANES], np.int16)]
