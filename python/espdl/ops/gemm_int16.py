# SPDX-License-Identifier: Apache-2.0
"""Matrix product of 16-bit activations with constant 8-bit weights (ONNX Gemm and MatMul, quantised)."""

from __future__ import annotations

from dataclasses import dataclass

from espdl.ops.gemm import Gemm
from espdl.ops.operator import Match, operator
from espdl.ops.wide import require_int16


@operator("gemm_int16")
@dataclass(frozen=True, eq=False)
class GemmInt16(Gemm):
    """As Gemm, with int16 input and output of zero point 0. It runs as a convolution of single pixels."""

    limits = "int16 activations, constant int8 weights"

    @classmethod
    def from_match(cls, match: Match) -> GemmInt16:
        require_int16(match)
        return super().from_match(match)
