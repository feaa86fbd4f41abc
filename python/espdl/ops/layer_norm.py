# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation over the last axes (ONNX LayerNormalization, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

# 1 / sqrt(u) for 1 <= u < 4 is about ROOT[0] / 2^15 - ROOT[1] / 2^16 * u + ROOT[2] / 2^19 * u^2.
ROOT = (43759, 26914, 26846)


class LayerNormParams(Params, c_type="espdl_layer_norm_params_t"):
    rows: int
    length: int
    epsilon: int
    spread_shift: int
    inverse: int
    sum_shift: int
    factor: int
    unit_shift: int
    beta_shift: int
    output_shift: int


@operator("layer_norm")
class LayerNorm(Operator):
    """Rows of len(gamma) elements; `gamma` and `beta` are real values."""

    gamma: np.ndarray
    beta: np.ndarray
    epsilon: float

    onnx = ("LayerNormalization",)
    limits = "constant scale and bias, rows of up to 32,768 elements"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        norm = p.call("relax.nn.layer_norm", p.dequantized("x"), p.constant("gamma"), p.constant("beta"), label="norm")
        return p.quantized(norm)

    @classmethod
    def from_match(cls, match: Match) -> LayerNorm:
        shape = match.tensor("x").shape
        axes = sorted(a % len(shape) for a in match.attribute("norm", "axes"))
        if axes != list(range(axes[0], len(shape))):
            raise Mismatch(f"its axes {tuple(axes)} are not the last in memory")
        gamma, beta = (match.real(name).reshape(-1) for name in ("gamma", "beta"))
        epsilon = float(match.attribute("norm", "epsilon"))
        return cls(*match.ports, gamma, beta, epsilon)

    @staticmethod
    def reference(params: LayerNormParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p.rows, p.length)
        gamma, beta = (constants[name].astype(np.int64) for name in ("gamma", "beta"))
        units = normalized(p, x)
        scaled = (units * gamma + (beta << p.beta_shift)) >> p.output_shift
        return [np.clip(scaled, -128, 127).astype(np.int8)]


def normalized(p: LayerNormParams, x: np.ndarray) -> np.ndarray:
    """int64 of the rows `x`: what each element has of the row's deviation, less the mean; within int16."""
    sums, squares = x.sum(axis=1), (x * x).sum(axis=1)
    spread = ((p.length * squares - sums * sums) << 2 * p.spread_shift) + p.epsilon
    root, halves = inverse_root(np.maximum(spread, 1))
    step = (p.factor * root + (1 << 16)) >> 17
    mean = (((sums << p.sum_shift) + 1) * p.inverse) >> 32
    shift = p.unit_shift - p.spread_shift - halves
    start = ((1 << shift) >> 1) - ((mean * step) >> 14)
    return ((x * (step << 8)[:, None]) + start[:, None]) >> shift[:, None]


def inverse_root(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of int64 from 1 on: (root, halves) with about root * 2^(halves - 32) = 1 / sqrt(value), root of 17 bits."""
    halves = np.zeros_like(value)
    while (over := value >> 32 != 0).any():
        value, halves = value >> 2 * over, halves - over
    while (under := value < 1 << 30).any():
        value, halves = value << 2 * under, halves + under
    high = value >> 16
    root = ROOT[0] - ((high * (ROOT[1] - ((high * ROOT[2]) >> 17))) >> 15)
    root += (root * (((1 << 29) - ((root * root) >> 15) * high) >> 14)) >> 16
    rest = (1 << 38) - ((root * root) >> 10) * (value >> 12)
    return 4 * root + ((root * (rest >> 15)) >> 22), halves
