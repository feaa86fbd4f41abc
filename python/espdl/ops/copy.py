# SPDX-License-Identifier: Apache-2.0
"""A part of a tensor, or its repetition (ONNX Slice, Split, Expand, Tile)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.errors import present
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params
from espdl.plan.types import Tensor

MAX_AXES = 6


class CopyParams(Params, c_type="espdl_copy_params_t"):
    item_bytes: int
    first: int
    output_pitch: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class View:
    """Items of a tensor: the first, and per axis of the result (size, items from one index to the next)."""

    first: int
    axes: tuple[tuple[int, int], ...]


@operator("copy")
class Copy(Operator):
    """Output = the items of the input that `view` names; any item type."""

    view: View

    onnx = ("Slice", "Split", "Expand", "Tile", "Gather")
    limits = "up to 6 axes"
    keeps_scale = True
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.wildcard("x")
        part = p.call("relax.strided_slice", x, *(p.wildcard() for _ in range(4)), label="slice")
        wide = p.call("relax.broadcast_to", x, p.wildcard(), label="repeat")
        return p.any_of(part, wide)

    @classmethod
    def from_match(cls, match: Match) -> Copy:
        x, (y,) = match.tensor("x"), match.outputs
        if x.count == 0 or y.count == 0:
            raise Mismatch("it has no elements")
        strides = [math.prod(x.shape[i + 1 :]) for i in range(len(x.shape))]
        if match.has("repeat"):
            strides = [0 if size == 1 else stride for size, stride in zip(x.shape, strides)]
            view = _merged(0, y.shape, [0] * (len(y.shape) - len(x.shape)) + strides)
        else:
            axes, begins, _, steps = (match.argument("slice", i) for i in range(1, 5))
            view = _slice(x, y, strides, present(axes), present(begins), steps)
        if len(view.axes) > MAX_AXES:
            raise Mismatch(f"it copies along {len(view.axes)} axes; the kernel has {MAX_AXES}")
        return cls(*match.ports, view)

    @staticmethod
    def reference(params: CopyParams | None, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        if params is None:  # a call that copies all items as they lie
            return [inputs[0].copy()]
        flat = np.ascontiguousarray(inputs[0]).reshape(-1)[params.first :]
        # Backwards: numpy's own check of bounds looks at the first item only.
        return [as_strided(flat, params.shape, [s * flat.itemsize for s in params.strides]).copy()]


def _slice(
    x: Tensor, y: Tensor, strides: list[int], axes: Sequence[int], begins: Sequence[int], steps: Sequence[int] | None
) -> View:
    steps = (1,) * len(axes) if steps is None else steps
    first = 0
    for axis, begin, step in zip(axes, begins, steps):
        axis, size = axis % len(x.shape), x.shape[axis]
        begin = begin + size if begin < 0 else begin
        first += min(max(begin, 0), size - 1) * strides[axis]
        strides[axis] *= step
    return _merged(first, y.shape, strides)


def _merged(first: int, shape: Sequence[int], strides: Sequence[int]) -> View:
    """Axes of size 1 left out, neighbours that are one in the input made one."""
    merged: list[tuple[int, int]] = []
    for size, stride in zip(shape, strides):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * stride:
            size *= merged.pop()[0]
        merged.append((size, stride))
    return View(first, tuple(merged))
