# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights, bias and a fused activation (ONNX Gemm and MatMul, quantised)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.layer_constants import weights_of
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.ops.params import Pitched, ProductShape, Rounded, ZeroPoints


class GemmParams(Rounded, ZeroPoints, Pitched, ProductShape, c_type="espdl_gemm_params_t"):
    pass


@operator("gemm")
class Gemm(Operator):
    """Input [..., K], output [..., N]: every vector of the last axis times the weights. int8, or int16 (zero points 0).

    `weights` int8 [N, K] (symmetric), `weights_scale` [N], `bias` int32 [N] at scale input scale * weights scale.
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    bias: np.ndarray
    activation: tuple[float, float] | None

    onnx = ("Gemm", "MatMul")
    limits = "constant weights"
    priority = 20

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        weights = p.constant("weights")
        transposed = p.call("relax.permute_dims", weights, label="transposed")
        product = p.call("relax.matmul", p.dequantized("x"), p.any_of(transposed, weights), label="product")
        biased = p.call("relax.add", product, p.constant("bias"))
        return p.quantized(p.activated(p.any_of(biased, product)))

    @classmethod
    def from_match(cls, match: Match) -> Gemm:
        weights, scale, bias = weights_of(match, match.inputs[0], transposed=not match.has("transposed"))
        if weights.ndim != 2:
            raise Mismatch(f"its weights have {weights.ndim} axes, not 2")
        return cls(*match.ports, weights=weights, weights_scale=scale, bias=bias, activation=match.activation)

    @property
    def macs(self) -> int:
        return self.outputs[0].count * self.weights.shape[1]

    @staticmethod
    def reference(params: GemmParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        """Of int8; int16 runs as a convolution of single pixels."""
        p, (x,) = params, inputs
        vectors = x.reshape(p.rows, p.inputs).astype(np.int64) - p.input_zero_point
        # Exact in float64: products are below 2**16, and an int32 accumulator bounds their sum.
        acc = (vectors.astype(np.float64) @ constants["weights"].astype(np.float64).T).astype(np.int64)
        scaled = requantize(acc + constants["bias"], constants["multiplier"], constants["shift"], p.rounding)
        return [saturate(scaled + p.output_zero_point, p.activation_min, p.activation_max)]
