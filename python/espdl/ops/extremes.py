# SPDX-License-Identifier: Apache-2.0
"""Elementwise maximum and minimum of two tensors (ONNX Max, Min, quantised)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from espdl.ops.broadcast import Broadcast, BroadcastParams, both, two_operands, views
from espdl.ops.operator import Arrays, Constants, Match, PatternBuilder, operator, require_one_scale


class MaximumParams(BroadcastParams, c_type="espdl_maximum_params_t"):
    pass


class MinimumParams(BroadcastParams, c_type="espdl_minimum_params_t"):
    pass


class Extreme(Broadcast):
    """Operands and result have one scale; operands of any shapes that ONNX broadcasts."""

    priority = 10
    relax: ClassVar[str]
    compare: ClassVar[np.ufunc]
    struct: ClassVar[type[BroadcastParams]]

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(two_operands(p, cls.relax))

    @classmethod
    def from_match(cls, match: Match) -> Broadcast:
        node = super().from_match(match)
        require_one_scale(node.a, node.b, *node.outputs)
        return node

    @classmethod
    def reference(cls, params: BroadcastParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [cls.compare(*views(params, *both(list(inputs), constants))).astype(np.int8)]


@operator("maximum")
class Maximum(Extreme):
    onnx = ("Max",)
    relax = "relax.maximum"
    compare = np.maximum
    struct = MaximumParams


@operator("minimum")
class Minimum(Extreme):
    onnx = ("Min",)
    relax = "relax.minimum"
    compare = np.minimum
    struct = MinimumParams
