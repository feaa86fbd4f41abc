# SPDX-License-Identifier: Apache-2.0
"""Sum or mean along neighbouring axes with a fused activation (ONNX ReduceSum, ReduceMean, quantised)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator
from espdl.targets import ROUND_TFLITE


@operator("reduce_sum")
@dataclass(frozen=True, eq=False)
class ReduceSum(Operator):
    """The input is read as [outer, length, inner]; `is_mean`: the sum is divided by the length."""

    sizes: tuple[int, int, int]
    is_mean: bool
    activation: tuple[float, float] | None

    onnx = ("ReduceSum", "ReduceMean")
    limits = "neighbouring axes"
    priority = 9

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        reduced = p.any_of(p.call("relax.sum", x, label="sum"), p.call("relax.mean", x, label="mean"))
        return p.quantized(p.activated(reduced))

    @classmethod
    def from_match(cls, match: Match) -> ReduceSum:
        label = "mean" if match.has("mean") else "sum"
        sizes = reduced_sizes(match.tensor("x").shape, match.attribute(label, "axis"))
        return cls(match.inputs, match.outputs, match.source_nodes, sizes, label == "mean", match.activation)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p["outer"], p["length"], p["inner"])
        total = (x - p["input_zero_point"]).sum(axis=1)
        scaled = requantize(total, p["multiplier"], p["shift"], ROUND_TFLITE)
        return [saturate(scaled + p["output_zero_point"], p["activation_min"], p["activation_max"])]


def reduced_sizes(shape: tuple[int, ...], axes: Sequence[int] | None) -> tuple[int, int, int]:
    """(outer, length, inner) of a reduction; Mismatch where its axes are no neighbours. Axes of size 1 do not count."""
    rank = len(shape)
    reduced = sorted(a % rank for a in (range(rank) if axes is None else axes))
    kept = [a for a in reduced if shape[a] != 1] or reduced[:1]
    if not kept:
        raise Mismatch("it reduces no axis")
    first, last = kept[0], kept[-1]
    if any(shape[a] != 1 and a not in reduced for a in range(first, last)):
        raise Mismatch(f"its axes {tuple(reduced)} are no neighbours in memory")
    return math.prod(shape[:first]), math.prod(shape[first : last + 1]), math.prod(shape[last + 1 :])
