# SPDX-License-Identifier: Apache-2.0
"""Elementwise difference of two tensors with a fused activation (ONNX Sub, quantised)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.broadcast import Broadcast, two_operands
from espdl.ops.operator import Arrays, Constants, Match, Params, PatternBuilder, operator
from espdl.ops.sums import signed_sum


@operator("sub")
@dataclass(frozen=True, eq=False)
class Sub(Broadcast):
    """a - b, or with `swapped` b - a; operands of any shapes that ONNX broadcasts."""

    onnx = ("Sub",)
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, "relax.subtract")))

    @classmethod
    def from_match(cls, match: Match) -> Sub:
        return cls.of(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return signed_sum(params, inputs, constants)
