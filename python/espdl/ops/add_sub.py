# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum and difference with a constant or with broadcasting, and a fused activation (ONNX Add, Sub)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from espdl.ops.add import sum_of
from espdl.ops.broadcast import Broadcast, both, two_operands, views
from espdl.ops.operator import Arrays, Constants, Params, PatternBuilder, operator


class AddSub(Broadcast):
    """`signs` of its operands, in the model's order; operands of any shapes that ONNX broadcasts."""

    relax: ClassVar[str]
    signs: ClassVar[tuple[int, int]]

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(p.activated(two_operands(p, cls.relax)))

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        operands = zip("ab", views(params, *both(list(inputs), constants)))
        return [sum_of(params, *((v - params[f"{n}_zero_point"]) * params[f"{n}_sign"] for n, v in operands))]


@operator("add_broadcast")
@dataclass(frozen=True, eq=False)
class AddBroadcast(AddSub):
    onnx = ("Add",)
    priority = 9  # what `add` does not take
    relax = "relax.add"
    signs = (1, 1)


@operator("sub")
@dataclass(frozen=True, eq=False)
class Sub(AddSub):
    onnx = ("Sub",)
    priority = 10
    relax = "relax.subtract"
    signs = (1, -1)
