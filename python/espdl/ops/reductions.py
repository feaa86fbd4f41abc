# SPDX-License-Identifier: Apache-2.0
"""What becomes of the values along neighbouring axes (ONNX ReduceMax, ReduceMin, ReduceSum, ReduceMean, ArgMax)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import (
    Arrays,
    Constants,
    Match,
    Mismatch,
    Operator,
    PatternBuilder,
    operator,
    require_one_scale,
)  # fmt: skip
from espdl.plan.params import Params
from espdl.targets import ROUND_TFLITE


class ReductionParams(Params):
    outer: int
    length: int
    inner: int


class ArgMaxParams(ReductionParams, c_type="espdl_argmax_params_t"):
    pass


class ReduceMaxParams(ReductionParams, c_type="espdl_reduce_max_params_t"):
    pass


class ReduceMinParams(ReductionParams, c_type="espdl_reduce_min_params_t"):
    pass


class ReduceSumParams(ReductionParams, c_type="espdl_reduce_sum_params_t"):
    input_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int
    activation_min: int
    activation_max: int


class Reduction(Operator):
    """The input is read as [outer, length, inner], which are its `sizes`."""

    sizes: tuple[int, int, int]

    struct: ClassVar[type[ReductionParams]]
    limits = "neighbouring axes"
    priority = 9


class ReduceExtreme(Reduction):
    """Input and output have one scale."""

    keeps_values = True
    relax: ClassVar[str]
    reduce: ClassVar[Callable[..., np.ndarray]]

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(p.call(cls.relax, p.dequantized("x"), label="reduce"))

    @classmethod
    def from_match(cls, match: Match) -> ReduceExtreme:
        x = match.tensor("x")
        require_one_scale(x, *match.outputs)
        sizes = reduced_sizes(x.shape, match.attribute("reduce", "axis"))
        return cls(*match.ports, sizes)

    @classmethod
    def reference(cls, params: ReductionParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [cls.reduce(rows(params, inputs[0]), axis=1)]


@operator("reduce_max")
class ReduceMax(ReduceExtreme):
    onnx = ("ReduceMax", "GlobalMaxPool")
    relax = "relax.max"
    reduce = np.max
    struct = ReduceMaxParams


@operator("reduce_min")
class ReduceMin(ReduceExtreme):
    onnx = ("ReduceMin",)
    relax = "relax.min"
    reduce = np.min
    struct = ReduceMinParams


class ArgExtreme(Reduction):
    """The output, int64, has one place per row. The first wins. No scale matters: they are positive."""

    limits = "the first of equals (select_last_index 0)"
    relax: ClassVar[str]
    place: ClassVar[Callable[..., np.ndarray]]

    @property
    def dtype(self) -> str:
        return self.inputs[0].dtype

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.call(cls.relax, p.dequantized("x"), label="reduce")

    @classmethod
    def from_match(cls, match: Match) -> ArgExtreme:
        shape, (y,), axis = match.tensor("x").shape, match.outputs, match.attribute("reduce", "axis")
        if y.dtype != "int64" or axis is None:
            raise Mismatch("it is not along one axis, to int64")
        axis %= len(shape)
        sizes = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        return cls(*match.ports, sizes)

    @classmethod
    def reference(cls, params: ReductionParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [cls.place(rows(params, inputs[0]), axis=1).astype(np.int64)]


@operator("argmax")
class ArgMax(ArgExtreme):
    onnx = ("ArgMax",)
    relax = "relax.argmax"
    place = np.argmax
    struct = ArgMaxParams


@operator("reduce_sum")
class ReduceSum(Reduction):
    """`is_mean`: the sum is divided by the length."""

    is_mean: bool
    activation: tuple[float, float] | None

    onnx = ("ReduceSum", "ReduceMean")
    struct = ReduceSumParams

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        reduced = p.any_of(p.call("relax.sum", x, label="sum"), p.call("relax.mean", x, label="mean"))
        return p.quantized(p.activated(reduced))

    @classmethod
    def from_match(cls, match: Match) -> ReduceSum:
        label = "mean" if match.has("mean") else "sum"
        sizes = reduced_sizes(match.tensor("x").shape, match.attribute(label, "axis"))
        return cls(*match.ports, sizes, label == "mean", match.activation)

    @staticmethod
    def reference(params: ReduceSumParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        total = (rows(p, inputs[0]).astype(np.int64) - p.input_zero_point).sum(axis=1)
        scaled = requantize(total, p.multiplier, p.shift, ROUND_TFLITE)
        return [saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)]


def rows(params: ReductionParams, x: np.ndarray) -> np.ndarray:
    """[outer, length, inner] of a kernel call's input."""
    return x.reshape(params.outer, params.length, params.inner)


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
