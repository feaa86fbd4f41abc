# SPDX-License-Identifier: Apache-2.0
"""From 16 to 8 bits on the ESP32-S3's vector unit, in lanes of 40 bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.operator import Constants, Operator
from espdl.ops.rescale import Rescale, RescaleParams
from espdl.ops.rescale_channels import LEAD, RescaleChannels, RescaleChannelsParams
from espdl.plan.params import Params
from espdl.plan.types import ITEM_BYTES, Constant, KernelCall
from espdl.targets import Target

# A slope is 2^15 times an int16, and 15 bits. What is stored are the high bytes of the lanes' int16.
LOW_BITS, BYTE = 15, 8
SLOPE_BITS = 2 * LOW_BITS
# Of a shift of lanes of 40 bits.
MAX_SHIFT = 39
LANES = 8
# Of 16 bits.
SPAN = 2**16
NO_SLOPE = f"no slope of {SLOPE_BITS} bits gives the outputs of all inputs exactly"


@lowering("rescale", "esp32s3", "int16")
def lower_rescale(node: Rescale, target: Target) -> KernelCall | Declined:
    """A line that meets every output of the 65,536 inputs, for 16 elements at once."""
    call = _narrowing(node, target)
    if isinstance(call, Declined):
        return call
    p, dtype = call.params_of(RescaleParams), node.inputs[0].dtype
    found = solve_lines([_meant(Rescale, p, dtype)], [p.multiplier], p.shift)
    if found is None:
        return Declined(NO_SLOPE)
    (line,), shift = found
    return replace(
        call,
        function="espdl_s3_rescale_16_s8",
        header="espdl/esp32s3/rescale.h",
        constants=(Constant("line", np.array([*line, shift, _sign(dtype)], np.int64)),),
        in_place=((0, 0),),
        packing="esp32s3_rescale",
    )


@lowering("rescale_channels", "esp32s3", "int16")
def lower_rescale_channels(node: RescaleChannels, target: Target) -> KernelCall | Declined:
    """A line for each channel, with one shift for all."""
    call = _narrowing(node, target)
    if isinstance(call, Declined):
        return call
    p, dtype = call.params_of(RescaleChannelsParams), node.inputs[0].dtype
    outputs, multipliers = [], call.constant("multipliers").tolist()
    for multiplier, addend in zip(multipliers, call.constant("addends"), strict=True):
        constants = {"multipliers": np.array([multiplier]), "addends": np.array([addend])}
        alone = replace(p, outer=1, channels=1, inner=SPAN)
        outputs.append(_meant(RescaleChannels, alone, dtype, constants))
    found = solve_lines(outputs, multipliers, p.shift + 32 - LEAD[ITEM_BYTES[dtype]])
    if found is None:
        return Declined(NO_SLOPE)
    lines, shift = found
    return replace(
        call,
        function="espdl_s3_rescale_channels_16_s8",
        header="espdl/esp32s3/rescale.h",
        constants=(
            *call.constants,
            Constant("lines", np.array(lines, np.int64)),
            Constant("common", np.array([shift, _sign(dtype)], np.int64)),
        ),
        in_place=((0, 0),),
        packing="esp32s3_rescale_channels",
    )


def _narrowing(node: Rescale | RescaleChannels, target: Target) -> KernelCall | Declined:
    """The portable call of what makes int8 of 16 bits."""
    (x,), (y,) = node.inputs, node.outputs
    if y.dtype != "int8" or x.dtype not in ("int16", "uint16"):
        return Declined(f"the vector unit makes int8 of 16 bits, not {y.dtype} of {x.dtype}")
    return portable(node, target)


def _sign(dtype: str) -> int:
    """What makes int16 of an input by exclusive or."""
    return -(2**15) if dtype == "uint16" else 0


def _meant(operator: type[Operator], params: Params, dtype: str, constants: Constants | None = None) -> np.ndarray:
    """The output of every input of a type, the least first."""
    first = int(np.iinfo(dtype).min)
    (outputs,) = operator.reference(params, [np.arange(first, first + SPAN).astype(dtype)], constants or {})
    return outputs


def solve_lines(
    outputs: Sequence[np.ndarray], multipliers: Sequence[int], bits: int
) -> tuple[list[tuple[int, int, int, int]], int] | None:
    """For each of some tables of outputs, slopes of multiplier * 2^-bits: low, high, a, b with which every x, inputs
    counted from -2^15 on, gives its output; and the shift of all: ((((x * low) >> 15) + x * high + a * b) >> shift) >>
    8, saturated; shifts round down. None: there are none."""
    alike = [(0, LOW_BITS + BYTE)] if not any(multipliers) else []  # all outputs are alike
    most = max(multipliers).bit_length() - SLOPE_BITS
    for dropped, used in (*((n, bits - n) for n in range(most, most + LOW_BITS)), *alike):
        shift = used - LOW_BITS - BYTE
        slopes = [_dropped(multiplier, dropped) for multiplier in multipliers]
        if max(slopes) >> SLOPE_BITS or not 0 <= shift <= MAX_SHIFT:
            continue
        lines = []
        for slope, meant in zip(slopes, outputs, strict=True):
            if (line := _line(meant, slope, used)) is None:
                break
            lines.append(line)
        else:
            return lines, shift
    return None


def _dropped(multiplier: int, bits: int) -> int:
    """Without its last bits, rounded; with more where there are less than none to drop."""
    return (multiplier + (1 << bits >> 1)) >> bits if bits >= 0 else multiplier << -bits


def _line(outputs: np.ndarray, slope: int, bits: int) -> tuple[int, int, int, int] | None:
    """One of them, of a slope of slope * 2^-bits."""
    # of each output above the least: where it is reached
    reached = np.searchsorted(outputs, np.arange(-127, 128)).tolist()
    start = _product(*_starts(reached, slope, bits))
    if start is None:
        return None
    x = np.arange(-SPAN // 2, SPAN // 2)
    high, low = divmod(slope, 1 << LOW_BITS)
    lines = ((x * low >> LOW_BITS) + x * high + start[0] * start[1]) >> bits - LOW_BITS - BYTE
    met = np.array_equal(np.clip(lines, -(2**15), 2**15 - 1) >> BYTE, outputs)
    return (low, high, *start) if met else None


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
    low, high, a, b, shift, sign = call.constant("line").tolist()
    numbers = [low, high, a, shift, *[0] * (LANES - 4)]
    return [np.array([*numbers, *[b] * LANES, *[sign] * LANES], np.int16)]


@packing("esp32s3_rescale_channels")
def rescale_channels(call: KernelCall) -> list[np.ndarray]:
    """int16: vectors of what inverts the sign, and of the shift; then for every 8 lanes of some vectors of 16 outputs
    those of low, high, a and b. Channels last: as many vectors until pixels and vectors begin together again;
    elsewhere one for each channel. The first vector of low ends it: it is fetched ahead."""
    p = call.params_of(RescaleChannelsParams)
    shift, sign = call.constant("common").tolist()
    channels = np.arange(math.lcm(p.channels, 2 * LANES)) % p.channels
    if p.inner > 1:
        channels = np.repeat(np.arange(p.channels), 2 * LANES)
    lanes = call.constant("lines")[channels].reshape(-1, LANES, 4).swapaxes(1, 2)
    numbers = [*[sign] * LANES, shift, *[0] * (LANES - 1), *lanes.flat, *lanes[0, 0]]
    return [np.array(numbers, np.int16)]
