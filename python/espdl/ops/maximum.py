# SPDX-License-Identifier: Apache-2.0
"""Elementwise maximum of two tensors (ONNX Max, quantised)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.broadcast import Broadcast, both, two_operands, views
from espdl.ops.operator import Match, Mismatch, PatternBuilder, operator


@operator("maximum")
@dataclass(frozen=True, eq=False)
class Maximum(Broadcast):
    """Operands and result have one scale; operands of any shapes that ONNX broadcasts."""

    onnx = ("Max",)
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(two_operands(p, "relax.maximum"))

    @classmethod
    def from_match(cls, match: Match) -> Maximum:
        node = cls.of(match)
        if len({(t.scale, t.zero_point) for t in (node.a, node.b, *node.outputs)}) > 1:
            raise Mismatch("its operands and its result are not quantised alike")
        return node

    @staticmethod
    def reference(
        params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        return [np.maximum(*views(params, *both(list(inputs), constants))).astype(np.int8)]
