# SPDX-License-Identifier: Apache-2.0
"""A border of one value (ONNX Pad, mode constant)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

MAX_AXES = 4


class PadParams(Params, c_type="espdl_pad_params_t"):
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    before: tuple[int, ...]
    value: int


@dataclass(frozen=True)
class Side:
    """An axis: its size in the input, and how much is put before and behind it."""

    size: int
    before: int
    after: int


@operator("pad")
class Pad(Operator):
    """int8; `sides` are the axes, those without a border joined to the one in front of them."""

    sides: tuple[Side, ...]
    value: int

    onnx = ("Pad",)
    limits = "int8, borders along up to 4 axes"
    priority = 1
    keeps_scale = True
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.call("relax.nn.pad", p.wildcard("x"), label="pad")

    @classmethod
    def from_match(cls, match: Match) -> Pad:
        x = match.tensor("x")
        if x.dtype != "int8" or match.attribute("pad", "pad_mode") != "constant":
            raise Mismatch(f"its input is {x.dtype}, or its border is no constant")
        widths = match.attribute("pad", "pad_width")
        sides: list[Side] = []
        for size, before, after in zip(x.shape, widths[::2], widths[1::2]):
            if sides and not before and not after:
                last = sides.pop()
                sides.append(Side(last.size * size, last.before * size, last.after * size))
            else:
                sides.append(Side(size, before, after))
        if len(sides) > 1 and sides[0] == Side(1, 0, 0):
            del sides[0]
        if len(sides) > MAX_AXES:
            raise Mismatch(f"it has borders along {len(sides)} axes; the kernel has {MAX_AXES}")
        value = int(match.attribute("pad", "pad_value"))
        return cls(*match.ports, tuple(sides), value)

    def held(self, ranges: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        return super().held([*ranges, (self.value, self.value)])

    @property
    def widths(self) -> list[tuple[int, int]]:
        """(before, behind) for each axis of the input."""
        (x,), (y,) = self.inputs, self.outputs
        result, behind = [], 1
        sides = [s for s in self.sides if s.before or s.after]
        for size, padded in zip(x.shape[::-1], y.shape[::-1], strict=True):
            if size == padded:
                result.append((0, 0))
                behind *= size
                continue
            side = sides.pop()
            result.append((side.before // behind, side.after // behind))
            behind = 1
        return result[::-1]

    @staticmethod
    def reference(params: PadParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        widths = [(before, out - before - size) for size, out, before in zip(p.input_shape, p.output_shape, p.before)]
        return [np.pad(inputs[0].reshape(p.input_shape), widths, constant_values=p.value)]
