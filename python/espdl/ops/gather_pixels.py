# SPDX-License-Identifier: Apache-2.0
"""Rows and columns of an image at constant indices in one step (ONNX Resize nearest, Pad reflect and edge)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.gather import Gather, gathered
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Params, PatternBuilder, operator


@operator("gather_pixels")
@dataclass(frozen=True, eq=False)
class GatherPixels(Gather):
    """Two takes along neighbouring axes."""

    onnx = ("Resize", "Upsample", "Pad")
    priority = 2

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        inner = p.call("relax.take", p.wildcard("x"), p.constant("inner_index"), label="inner")
        return p.call("relax.take", inner, p.constant("outer_index"), label="outer")

    @classmethod
    def from_match(cls, match: Match) -> GatherPixels:
        x = match.tensor("x")
        rank, names = len(x.shape), ("inner", "outer")
        taken = {match.attribute(name, "axis") % rank: match.array(f"{name}_index") for name in names}
        if len(taken) != 2 or any(index.ndim != 1 for index in taken.values()):
            raise Mismatch("it takes twice along one axis")
        row, column = sorted(taken)
        if math.prod(x.shape[row + 1 : column]) != 1:
            raise Mismatch(f"its axes {row} and {column} are no neighbours")
        sizes = (math.prod(x.shape[:row]), x.shape[row], x.shape[column], math.prod(x.shape[column + 1 :]))
        indices = (taken[row].astype(np.int32), taken[column].astype(np.int32))
        return cls(match.inputs, match.outputs, match.source_nodes, sizes, *indices)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [gathered(params, inputs[0], constants)]
