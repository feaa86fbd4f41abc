# SPDX-License-Identifier: Apache-2.0
"""2-d average pooling with a fused activation (ONNX AveragePool, GlobalAveragePool, ReduceMean over pixels)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize, saturate, scale_int16
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.ops.params import Clamped, PaddedPoolShape, ZeroPoints
from espdl.ops.windows import tap_counts, taps, window_attributes
from espdl.plan.params import Params
from espdl.targets import ROUND_TFLITE


class AveragePool2dShape(PaddedPoolShape):
    """`uniform`: all windows have one divisor."""

    count_include_pad: int
    uniform: int


class AveragePool2dParams(Clamped, ZeroPoints, AveragePool2dShape, c_type="espdl_average_pool2d_params_t"):
    pass


class AveragePool2dS16Params(Clamped, AveragePool2dShape, c_type="espdl_average_pool2d_s16_params_t"):
    pass


class RunningAverageParams(Params, c_type="espdl_running_average_params_t"):
    """A mean over all pixels of an image of which `hop` rows are new in every call."""

    pool: AveragePool2dParams
    hop: int


@operator("average_pool2d")
class AveragePool2d(Operator):
    """Input read as [H, W, C] (`image`; a mean's tensor may have other axes), output as [OH, OW, C]; int8 or int16.

    `pads` are top, left, bottom, right. A window's divisor is the number of its taps in the input or, with
    `count_include_pad`, in the input and its border.
    """

    image: tuple[int, int, int]
    output_size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilations: tuple[int, int]
    count_include_pad: bool
    activation: tuple[float, float] | None

    onnx = ("AveragePool", "GlobalAveragePool", "ReduceMean")
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        pool = p.call("relax.nn.avg_pool2d", x, label="pool")
        mean = p.call("relax.mean", x, label="mean")
        return p.quantized(p.activated(p.any_of(pool, mean)))

    @classmethod
    def from_match(cls, match: Match) -> AveragePool2d:
        shape = match.tensor("x").shape
        if match.has("pool"):
            window = window_attributes(match, "pool")
            (_, height, width, channels), (_, rows, columns, _) = shape, match.outputs[0].shape
            image, output_size = (height, width, channels), (rows, columns)
            include = bool(match.attribute("pool", "count_include_pad"))
        else:
            image = _image_of_mean(shape, match.attribute("mean", "axis"))
            output_size, include = (1, 1), False
            window = {"kernel": image[:2], "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1)}
        return cls(
            *match.ports,
            image=image,
            output_size=output_size,
            count_include_pad=include,
            activation=match.activation,
            **window,
        )

    @staticmethod
    def reference(
        params: AveragePool2dParams | AveragePool2dS16Params | RunningAverageParams,
        inputs: Arrays,
        constants: Constants,
    ) -> list[np.ndarray]:
        p = params.pool if isinstance(params, RunningAverageParams) else params
        x = inputs[0].astype(np.int64).reshape(p.input_height, p.input_width, p.channels)
        entries = tap_counts(p, bool(p.count_include_pad)) - 1
        if p.uniform:
            entries = np.zeros_like(entries)
        multiplier, shift = (constants[name][entries][..., np.newaxis] for name in ("multiplier", "shift"))
        if isinstance(p, AveragePool2dS16Params):
            y = scale_int16(reduce(np.add, taps(x, p, border=0)), multiplier, shift)
        else:
            total = reduce(np.add, taps(x - p.input_zero_point, p, border=0))
            y = requantize(total, multiplier, shift, ROUND_TFLITE) + p.output_zero_point
        return [saturate(y, p.activation_min, p.activation_max, inputs[0].dtype)[np.newaxis]]


def _image_of_mean(shape: tuple[int, ...], axes: Sequence[int] | None) -> tuple[int, int, int]:
    """(H, W, C) such that the mean of a tensor of `shape` over `axes` is the mean over H and W."""
    reduced = sorted(a % len(shape) for a in (range(len(shape)) if axes is None else axes))
    if shape and shape[0] > 1 and reduced and reduced[0] > 0:  # each image has a mean of its own
        shape = (1, *shape[1:])
    if not reduced or reduced != list(range(reduced[0], reduced[-1] + 1)) or math.prod(shape[: reduced[0]]) != 1:
        raise Mismatch(f"its axes {tuple(reduced)} are not the first that are larger than 1, one after the other")
    sizes = shape[reduced[0] : reduced[-1] + 1]
    return math.prod(sizes[:-1]), sizes[-1], math.prod(shape[reduced[-1] + 1 :])
