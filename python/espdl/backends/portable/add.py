# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum in portable C."""

from __future__ import annotations

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.ops.add import Add
from espdl.ops.numerics import Inexact, activation_range, power_of_two_shift, quantize_multiplier
from espdl.plan.types import KernelCall, Tensor
from espdl.targets import ROUND_TFLITE, Target

# Bits of precision that both inputs gain before they are brought to one scale (TFLite's int8 addition).
LEFT_SHIFT = 20


@lowering("add", backend="portable")
class PortableAdd(Lowering[Add]):
    """TFLite's formula for any scales; shifts alone where the scales' ratios are powers of two."""

    def try_lower(self, node: Add, target: Target) -> KernelCall:
        (a, b), (y,) = node.inputs, node.outputs
        low, high = activation_range(node.activation, y)
        numbers = _arithmetic(a, b, y, target.rounding)
        return KernelCall(
            operator=node.name,
            function="espdl_add_s8" if target.rounding == ROUND_TFLITE else "espdl_add_shift_s8",
            params_type="espdl_add_params_t",
            header="espdl/kernels/add.h",
            params={
                "count": y.count,
                "left_shift": LEFT_SHIFT if target.rounding == ROUND_TFLITE else 0,
                "a_zero_point": a.zero_point,
                "a_multiplier": numbers["a"][0],
                "a_shift": numbers["a"][1],
                "b_zero_point": b.zero_point,
                "b_multiplier": numbers["b"][0],
                "b_shift": numbers["b"][1],
                "output_zero_point": y.zero_point,
                "output_multiplier": numbers["output"][0],
                "output_shift": numbers["output"][1],
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=(a.name, b.name),
            outputs=(y.name,),
            in_place=((0, 0), (1, 0)),
            source_nodes=node.source_nodes,
        )


def _arithmetic(a: Tensor, b: Tensor, y: Tensor, rounding: str) -> dict[str, tuple[int, int]]:
    """(multiplier, shift) of both inputs and of the sum; Inexact where the ratios of the scales cannot be had."""
    scales = {"a": a.scale, "b": b.scale, "output": y.scale}
    scale = {name: float(np.float32(value)) for name, value in scales.items()}
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
