# SPDX-License-Identifier: Apache-2.0
"""Sums and differences with broadcasting in portable C: what Add and Sub share."""

from __future__ import annotations

import numpy as np

from espdl.ops.broadcast import Broadcast
from espdl.ops.numerics import Inexact, activation_range, power_of_two_shift, quantize_multiplier
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target

# Bits of precision that both operands gain before they are brought to one scale (TFLite's int8 addition).
LEFT_SHIFT = 20
# Room above the product of two int8 values.
MAX_LEFT_SHIFT = 14


def sum_call(node: Broadcast, target: Target, a_sign: int, b_sign: int) -> KernelCall:
    """The call that computes a_sign * a + b_sign * b."""
    (y,) = node.outputs
    low, high = activation_range(node.activation, y)
    numbers = _arithmetic(node, target.rounding)
    signs = {"a": (node.a, a_sign), "b": (node.b, b_sign)}
    params = {**node.layout, "left_shift": LEFT_SHIFT if target.rounding == ROUND_TFLITE else 0}
    for name, (tensor, sign) in signs.items():
        params |= {f"{name}_zero_point": tensor.zero_point, f"{name}_multiplier": numbers[name][0]}
        params |= {f"{name}_shift": numbers[name][1], f"{name}_sign": sign}
    return KernelCall(
        operator=node.name,
        function="espdl_sum_s8",
        params_type="espdl_sum_params_t",
        header="espdl/kernels/sum.h",
        params={
            **params,
            "output_zero_point": y.zero_point,
            "output_multiplier": numbers["output"][0],
            "output_shift": numbers["output"][1],
            "activation_min": low,
            "activation_max": high,
            "rounding": target.rounding,
        },
        inputs=tuple(t.name for t in node.inputs),
        outputs=(y.name,),
        constants=constant_operand(node),
        in_place=node.in_place,
        source_nodes=node.source_nodes,
    )


def constant_operand(node: Broadcast) -> tuple[Constant, ...]:
    """The constants of a call: the operand that is one, if any."""
    return () if node.values is None else (Constant("values", np.ascontiguousarray(node.values)),)


def split_ratio(ratio: float, rounding: str) -> tuple[int, int, int]:
    """(left shift before, multiplier, shift) that scale a value of 16 bits and a sign; Inexact where none do."""
    if rounding == ROUND_TFLITE:
        return 0, *quantize_multiplier(ratio)
    left = 0
    while ratio > 1.0 and left < MAX_LEFT_SHIFT:
        ratio, left = ratio / 2, left + 1
    return left, 0, power_of_two_shift(ratio)


def _arithmetic(node: Broadcast, rounding: str) -> dict[str, tuple[int, int]]:
    """(multiplier, shift) of both operands and of the sum; Inexact where the scales' ratios cannot be had."""
    tensors = {"a": node.a, "b": node.b, "output": node.outputs[0]}
    scale = {name: float(np.float32(t.scale)) for name, t in tensors.items()}
    if rounding == ROUND_TFLITE:
        common = 2.0 * max(scale["a"], scale["b"])
        numbers = {
            "a": quantize_multiplier(scale["a"] / common),
            "b": quantize_multiplier(scale["b"] / common),
            "output": quantize_multiplier(common / (2**LEFT_SHIFT * scale["output"])),
        }
        if any(not 0 <= shift <= 30 for _, shift in numbers.values()):
            raise Inexact("the scales of its operands and its result lie too far apart")
        return numbers
    finest = min(scale.values())
    shifts = {name: power_of_two_shift(finest / value) for name, value in scale.items()}
    if max(shifts["a"], shifts["b"]) > 21:
        raise Inexact("the scales of its operands lie more than 2**21 apart from the finest")
    return {name: (0, shift) for name, shift in shifts.items()}
