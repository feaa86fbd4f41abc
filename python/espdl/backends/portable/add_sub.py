# SPDX-License-Identifier: Apache-2.0
"""Sums and differences with broadcasting in portable C."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.backends.layers import clamp
from espdl.backends.lowering import call_of, lowering
from espdl.ops.add_sub import AddSub, SumParams
from espdl.ops.broadcast import Broadcast
from espdl.ops.matmul import MatMul
from espdl.ops.numerics import Inexact, power_of_two_shift, quantize_multiplier
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import ROUND_TFLITE, Target

# Bits of precision that both operands gain before they are brought to one scale (TFLite's int8 addition).
LEFT_SHIFT = 20
# Room above the product of two int8 values.
MAX_LEFT_SHIFT = 14


@lowering("add_broadcast", "portable", "int8")
@lowering("sub", "portable", "int8")
def lower_add_sub(node: AddSub, target: Target) -> KernelCall:
    """Any scales in scheme affine, ratios that are powers of two in the other."""
    (y,) = node.outputs
    a_sign, b_sign = node.signs[::-1] if node.swapped else node.signs
    return call_of(
        node,
        "espdl_sum_s8",
        "espdl/kernels/sum.h",
        SumParams(
            **vars(node.layout),
            **common_scale(node.a, node.b, y, target.rounding),
            a_sign=a_sign,
            b_sign=b_sign,
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        constants=constant_operand(node),
        in_place=node.in_place,
    )


def constant_operand(node: Broadcast | MatMul) -> tuple[Constant, ...]:
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


def common_scale(a: Tensor, b: Tensor, y: Tensor, rounding: str) -> dict[str, Any]:
    """The fields of operands and sum that bring them to one scale; Inexact where their scales allow none."""
    numbers = _multipliers_and_shifts(a, b, y, rounding)
    fields = {"left_shift": LEFT_SHIFT if rounding == ROUND_TFLITE else 0}
    for name, tensor in (("a", a), ("b", b), ("output", y)):
        multiplier, shift = numbers[name]
        fields |= {f"{name}_zero_point": tensor.zero_point, f"{name}_multiplier": multiplier, f"{name}_shift": shift}
    return fields


def _multipliers_and_shifts(a: Tensor, b: Tensor, y: Tensor, rounding: str) -> dict[str, tuple[int, int]]:
    scale = {name: float(np.float32(t.scale)) for name, t in (("a", a), ("b", b), ("output", y))}
    if rounding == ROUND_TFLITE:
        common = 2.0 * max(scale["a"], scale["b"])
        numbers = {
            "a": quantize_multiplier(scale["a"] / common),
            "b": quantize_multiplier(scale["b"] / common),
            "output": quantize_multiplier(common / (2**LEFT_SHIFT * scale["output"])),
        }
        if any(not 0 <= shift <= 30 for _, shift in numbers.values()):
            raise Inexact("the scales of its inputs and its output lie too far apart")
        return numbers
    finest = min(scale.values())
    shifts = {name: power_of_two_shift(finest / value) for name, value in scale.items()}
    if max(shifts["a"], shifts["b"]) > 21:
        raise Inexact("the scales of its inputs lie more than 2**21 apart from the finest")
    return {name: (0, shift) for name, shift in shifts.items()}
