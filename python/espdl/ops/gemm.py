# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights, bias and a fused activation (ONNX Gemm and MatMul, quantised)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.bias import int32_bias
from espdl.ops.numerics import requantize, saturate
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("gemm")
@dataclass(frozen=True, eq=False)
class Gemm(Operator):
    """Input [..., K], output [..., N]: every vector of the last axis times the weights.

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
        weights = match.array("weights")
        if weights.dtype != np.int8:
            raise Mismatch(f"its weights are {weights.dtype}, not int8")
        if weights.ndim != 2:
            raise Mismatch(f"its weights have {weights.ndim} axes, not 2")
        if not match.has("transposed"):
            weights = weights.T
        channels = weights.shape[0]
        scale = match.scale("weights").reshape(-1)
        if scale.size not in (1, channels):
            raise Mismatch(f"it has {scale.size} weight scales for {channels} outputs")
        scale = np.broadcast_to(scale, (channels,))
        return cls(
            inputs=match.inputs,
            outputs=match.outputs,
            source_nodes=match.source_nodes,
            weights=np.ascontiguousarray(weights),
            weights_scale=scale,
            bias=int32_bias(match, match.inputs[0].scale, scale, channels),
            activation=match.activation,
        )

    @property
    def macs(self) -> int:
        return self.outputs[0].count * self.weights.shape[1]

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        (x,) = inputs
        vectors = x.reshape(p["rows"], p["inputs"]).astype(np.int64) - p["input_zero_point"]
        # Exact in float64: products are below 2**16, and an int32 accumulator bounds their sum.
        acc = (vectors.astype(np.float64) @ constants["weights"].astype(np.float64).T).astype(np.int64)
        scaled = requantize(acc + constants["bias"], constants["multiplier"], constants["shift"], p["rounding"])
        return [saturate(scaled + p["output_zero_point"], p["activation_min"], p["activation_max"])]
