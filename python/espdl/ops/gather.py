# SPDX-License-Identifier: Apache-2.0
"""Items along one axis, or rows and columns, at constant indices (ONNX Gather, nearest Resize, reflecting Pad)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params


class GatherParams(Params, c_type="espdl_gather_params_t"):
    outer: int
    input_rows: int
    input_columns: int
    rows: int
    columns: int
    bytes: int
    output_pitch: int
    first_row: int
    first_input_row: int


@operator("gather")
class Gather(Operator):
    """The input is read as [outer, rows, columns, inner]; `row_index` and `column_index` int32 say what is taken."""

    sizes: tuple[int, int, int, int]
    row_index: np.ndarray
    column_index: np.ndarray

    onnx: ClassVar[tuple[str, ...]] = ("Gather", "Resize", "Upsample", "Pad")
    limits = "constant indices; Resize: nearest; Pad: reflect, edge, wrap"
    priority = 1
    keeps_scale = True
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.call("relax.take", p.wildcard("x"), p.constant("index"), label="take")

    @classmethod
    def from_match(cls, match: Match) -> Gather:
        x = match.tensor("x")
        index = _index(match, "index")
        axis = match.attribute("take", "axis") % len(x.shape)
        sizes = (math.prod(x.shape[:axis]), x.shape[axis], 1, math.prod(x.shape[axis + 1 :]))
        return cls(*match.ports, sizes, index, np.zeros(1, np.int32))

    @staticmethod
    def reference(params: GatherParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p, (x,) = params, inputs
        shape = (p.outer, p.input_rows, p.input_columns, p.bytes)
        data = np.ascontiguousarray(x).view(np.uint8).reshape(shape)
        taken = data[:, constants["row_index"]][:, :, constants["column_index"]]
        return [np.ascontiguousarray(taken).reshape(-1).view(x.dtype)]


@operator("gather_pixels")
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
        return cls(*match.ports, sizes, *indices)


def _index(match: Match, label: str) -> np.ndarray:
    index = match.array(label)
    if index.ndim != 1 or index.dtype.kind != "i":
        raise Mismatch(f"its indices are {index.dtype} of {index.ndim} axes")
    return index.astype(np.int32)
