# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation over the last axes (ONNX LayerNormalization, quantised)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

FRACTION, BETA_FRACTION = 16, 8


class LayerNormParams(Params, c_type="espdl_layer_norm_params_t"):
    rows: int
    length: int
    epsilon: int
    gamma_bits: int
    output_zero_point: int


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
        length, last = p.length, p.gamma_bits + FRACTION
        gamma, beta = (constants[name].astype(np.int64) for name in ("gamma", "beta"))
        rows = []
        for x in inputs[0].astype(np.int64).reshape(p.rows, length):
            total = int(x.sum())
            spread = max(length * int((x * x).sum()) - total * total + p.epsilon, 1)
            halves = 0
            while spread < 1 << 62:
                spread, halves = spread << 2, halves + 1
            factor = (1 << 63) // math.isqrt(spread)
            unit = ((length * x - total) * factor) >> (63 - FRACTION - halves)
            scaled = (unit * gamma + (beta << (last - BETA_FRACTION)) + (1 << (last - 1))) >> last
            rows.append(np.clip(scaled + p.output_zero_point, -128, 127))
        return [np.array(rows).astype(np.int8)]
