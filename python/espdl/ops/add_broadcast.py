# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum with a constant, or with a tensor of fewer elements, and a fused activation (ONNX Add)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.broadcast import Broadcast, two_operands
from espdl.ops.operator import Arrays, Constants, Match, Params, PatternBuilder, operator
from espdl.ops.sums import signed_sum


@operator("add_broadcast")
@dataclass(frozen=True, eq=False)
class AddBroadcast(Broadcast):
    """Operands of any shapes that ONNX broadcasts."""

    onnx = ("Add",)
    priority = 9

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, "relax.add")))

    @classmethod
    def from_match(cls, match: Match) -> AddBroadcast:
        return cls.of(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return signed_sum(params, inputs, constants)
