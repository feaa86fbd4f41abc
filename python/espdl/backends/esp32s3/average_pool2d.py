# SPDX-License-Identifier: Apache-2.0
"""Average pooling on the ESP32-S3: sums by the vector unit, and the division too where its steps are exact."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from espdl.backends.accumulators import range_of
from espdl.backends.esp32s3 import work
from espdl.backends.esp32s3.lanes import LANE_MAX, LANE_MIN, pack_lanes
from espdl.backends.layers import exact_scale
from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.average_pool2d import AveragePool2d, AveragePool2dParams
from espdl.ops.numerics import requantize
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target

# 4095 * -128 is the least sum that 20 bits hold.
MAX_WINDOW = 4095
MAX_FACTOR, MAX_DIVISOR, MOST_STEPS = 64, 128, 4


@lowering("average_pool2d", "esp32s3", "int8", alignment=16)
def lower_average_pool2d(node: AveragePool2d, target: Target) -> KernelCall | Declined:
    """16 channels at once."""
    channels, window = node.image[2], math.prod(node.kernel)
    if channels % 16:
        return Declined(f"its {channels} channels are no multiple of 16")
    if window > MAX_WINDOW:
        return Declined(f"its windows have {window} pixels; sums of 20 bits hold {MAX_WINDOW}")
    if node.count_include_pad and any(node.pads):
        return Declined("it counts the border")
    call = portable(node, target, function="espdl_s3_average_pool2d_s8", header="espdl/esp32s3/pool2d.h", pitched=())
    if isinstance(call, Declined):
        return call
    division = Constant("division", _division(node, call))
    return replace(
        call,
        constants=(*call.constants, division),
        packing="esp32s3_average",
        products=work.products(work.of_pool(node, divides=division.data[3] > 0)),
    )


def _division(node: AveragePool2d, call: KernelCall) -> np.ndarray:
    """int32 [6]: factor, divisor, bits, steps, more, start, by which lanes of 20 bits give the reference's means for
    all sums that there can be; steps 0: there are none.

    A = start + factor * sum; in every step A >> bits is added to the result, and as many divisors are taken from A, to
    which factor * more is added before the last of several steps. The reference rounds twice, which moves the start.
    """
    (x,), (y,), p = node.inputs, node.outputs, call.params_of(AveragePool2dParams)
    least, most = range_of(x)
    pixels = math.prod(node.kernel)
    sums = np.arange(pixels * least, pixels * most + 1)
    wanted = requantize(
        sums - pixels * x.zero_point, call.constant("multiplier")[0], call.constant("shift")[0], ROUND_TFLITE
    )
    wanted = np.clip(wanted + y.zero_point, p.activation_min, p.activation_max)
    worth = pixels * float(exact_scale(y) / exact_scale(x))
    factor = next((f for f in (1, 2, 4, 8, 16, 32, MAX_FACTOR) if f * worth >= 1 and f * worth == int(f * worth)), 0)
    divisor = int(factor * worth)
    if not (p.uniform and factor and (divisor <= MAX_DIVISOR or divisor & (divisor - 1) == 0)):
        return np.zeros(6, np.int32)
    bits = (divisor - 1).bit_length()
    for steps in (1, MOST_STEPS):
        more = -(-((1 << bits) - divisor) // factor) if steps > 1 else 0
        for moved in (0, 1, -1, 2, -2):
            start = divisor // 2 + moved - factor * pixels * x.zero_point + divisor * y.zero_point
            found = _divided(start + factor * sums, divisor, bits, steps, factor * more)
            if found is not None and np.array_equal(np.clip(found, p.activation_min, p.activation_max), wanted):
                return np.array([factor, divisor, bits, steps, more, start], np.int32)
    return np.zeros(6, np.int32)


def _divided(lanes: np.ndarray, divisor: int, bits: int, steps: int, more: int) -> np.ndarray | None:
    """What the kernel makes of them; None where they leave 20 bits."""
    result = np.zeros_like(lanes)
    for step in range(steps):
        if lanes.max() > LANE_MAX or lanes.min() < LANE_MIN or (step and divisor > MAX_DIVISOR):
            return None
        lanes = lanes + more if step == steps - 1 else lanes
        part = np.clip(lanes >> bits, -128, 127)
        result += part
        lanes = lanes - divisor * part
    return np.clip(result, -128, 127)


@packing("esp32s3_average")
def average(call: KernelCall) -> list[np.ndarray]:
    """Multipliers; then shifts, made a multiple of 4, the division, and with what QACC begins."""
    shift, division = call.constant("shift"), call.constant("division")
    start = pack_lanes(np.full(16, division[5])).reshape(-1).view(np.int32)
    filled = np.pad(shift.astype(np.int32), (0, -len(shift) % 4))
    return [call.constant("multiplier"), np.concatenate([filled, division[:5], np.zeros(3, np.int32), start])]
