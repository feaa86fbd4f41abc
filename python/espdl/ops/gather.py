# SPDX-License-Identifier: Apache-2.0
"""Items along one axis, or rows and columns, at constant indices (ONNX Gather, nearest Resize, reflecting Pad)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, Params, PatternBuilder, operator


@operator("gather")
@dataclass(frozen=True, eq=False)
class Gather(Operator):
    """The input is read as [outer, rows, columns, inner]; `row_index` and `column_index` int32 say what is taken."""

    sizes: tuple[int, int, int, int]
    row_index: np.ndarray
    column_index: np.ndarray

    onnx = ("Gather", "Resize", "Upsample", "Pad")
    limits = "constant indices; Resize: nearest; Pad: reflect, edge, wrap"
    priority = 1
    keeps_scale = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.call("relax.take", p.wildcard("x"), p.constant("index"), label="take")

    @classmethod
    def from_match(cls, match: Match) -> Gather:
        x = match.tensor("x")
        index = _index(match, "index")
        axis = match.attribute("take", "axis") % len(x.shape)
        sizes = (math.prod(x.shape[:axis]), x.shape[axis], 1, math.prod(x.shape[axis + 1 :]))
        return cls(match.inputs, match.outputs, match.source_nodes, sizes, index, np.zeros(1, np.int32))

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return [gathered(params, inputs[0], constants)]


def gathered(params: Mapping[str, Any], x: np.ndarray, constants: Mapping[str, np.ndarray]) -> np.ndarray:
    """The result of a kernel call, flat, in the input's type."""
    p = params
    data = np.ascontiguousarray(x).view(np.uint8).reshape(p["outer"], p["input_rows"], p["input_columns"], p["bytes"])
    taken = data[:, constants["row_index"]][:, :, constants["column_index"]]
    return np.ascontiguousarray(taken).reshape(-1).view(x.dtype)


def _index(match: Match, label: str) -> np.ndarray:
    index = match.array(label)
    if index.ndim != 1 or index.dtype.kind != "i":
        raise Mismatch(f"its indices are {index.dtype} of {index.ndim} axes")
    return index.astype(np.int32)
