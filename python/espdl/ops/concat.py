# SPDX-License-Identifier: Apache-2.0
"""Tensors one behind the other along an axis (ONNX Concat)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

MAX_PARTS = 8


class ConcatParams(Params, c_type="espdl_concat_params_t"):
    outer: int
    bytes: tuple[int, ...]


@operator("concat")
class Concat(Operator):
    """Parts of one scale and of any item type; each is read as [outer, its items]."""

    outer: int

    onnx = ("Concat",)
    limits = f"up to {MAX_PARTS} parts; no copy where all layers around them can work in the joined tensor"
    priority = 1
    keeps_scale = True
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        parts = [p.wildcard(f"part{i}") for i in range(MAX_PARTS)]
        calls = [
            p.call("relax.concat", p.tuple(*parts[:count]), label=f"concat{count}") for count in range(2, MAX_PARTS + 1)
        ]
        return p.any_of(*calls)

    @classmethod
    def from_match(cls, match: Match) -> Concat:
        label = next(f"concat{n}" for n in range(2, MAX_PARTS + 1) if match.has(f"concat{n}"))
        count = int(label.removeprefix("concat"))
        parts = tuple(match.tensor(f"part{i}") for i in range(count))
        (y,) = match.outputs
        if any(part.count == 0 for part in parts):
            raise Mismatch("one of its parts has no elements")
        axis = match.attribute(label, "axis")
        outer = math.prod(y.shape[: (0 if axis is None else axis) % len(y.shape)])
        return cls(parts, match.outputs, match.source_nodes, outer)

    @staticmethod
    def reference(params: ConcatParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        rows = [
            np.ascontiguousarray(x).view(np.uint8).reshape(params.outer, -1)
            for x, count in zip(inputs, params.bytes)
            if count
        ]
        return [np.ascontiguousarray(np.concatenate(rows, axis=1)).reshape(-1).view(inputs[0].dtype)]
