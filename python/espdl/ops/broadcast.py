# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators of two tensors, one of which may be constant or have fewer elements (ONNX broadcasting)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.ops.operator import Match, Mismatch, Operator, PatternBuilder
from espdl.plan.params import Params
from espdl.plan.types import Tensor

MAX_AXES = 4


class BroadcastParams(Params):
    """With which the parameters of elementwise operators begin."""

    shape: tuple[int, ...]
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]


class Broadcast(Operator):
    """`a` and `b` are the operands as the kernel gets them: activations first, then the constant with these `values`.

    `swapped`: the model has them the other way round.
    """

    a: Tensor
    b: Tensor
    values: np.ndarray | None
    swapped: bool
    activation: tuple[float, float] | None

    @classmethod
    def from_match(cls, match: Match) -> Broadcast:
        """Reads a match of `two_operands`."""
        (y,) = match.outputs
        swapped, values = False, None
        if match.has("left") or match.has("right"):
            swapped = match.has("left")
            a = match.tensor("b" if swapped else "a")
            b, values = match.operand("left" if swapped else "right")
        else:
            a, b = match.tensor("a"), match.tensor("b")
        merged_axes(y.shape, a.shape, b.shape)
        inputs = (a,) if values is not None else (a, b)
        return cls(inputs, match.outputs, match.source_nodes, a, b, values, swapped, match.activation)

    @property
    def layout(self) -> BroadcastParams:
        """How the kernels find the elements of both operands."""
        axes = merged_axes(self.outputs[0].shape, self.a.shape, self.b.shape)
        shape, a_strides, b_strides = zip(*[(1, 0, 0)] * (MAX_AXES - len(axes)), *axes)
        return BroadcastParams(shape, a_strides, b_strides)

    @property
    def in_place(self) -> tuple[tuple[int, int], ...]:
        """Inputs that may be the output: those that have an element of their own for every one of its."""
        count = self.outputs[0].count
        return tuple((i, 0) for i, tensor in enumerate(self.inputs) if tensor.count == count)


def two_operands(p: PatternBuilder, name: str) -> Any:
    """A call of a Relax operator with two activations, or with one and a constant on either side."""
    a, b = p.dequantized("a"), p.dequantized("b")
    return p.any_of(p.call(name, a, p.constant("right")), p.call(name, p.constant("left"), b), p.call(name, a, b))


def merged_axes(shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(size, stride in a, stride in b) of the output's axes; none of size 1, neighbours that allow it made one.

    Raises Mismatch where more than MAX_AXES are left.
    """
    merged: list[tuple[int, int, int]] = []
    columns = zip(shape, _strides(a, shape), _strides(b, shape))
    for size, stride_a, stride_b in columns:
        if size == 1:
            continue
        if merged and merged[-1][1:] == (stride_a * size, stride_b * size):
            size *= merged.pop()[0]
        merged.append((size, stride_a, stride_b))
    if len(merged) > MAX_AXES:
        raise Mismatch(f"it repeats its operands along {len(merged)} axes; the kernel has {MAX_AXES}")
    return merged


def _strides(shape: tuple[int, ...], result: tuple[int, ...]) -> list[int]:
    """Items from one index of each axis of `result` to the next; 0 where the tensor is repeated."""
    padded = (1,) * (len(result) - len(shape)) + tuple(shape)
    return [0 if size == 1 else math.prod(padded[i + 1 :]) for i, size in enumerate(padded)]


def views(p: BroadcastParams, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both operands as int64 of the output's shape, from a call's parameters."""
    flat = [np.ascontiguousarray(values).reshape(-1).astype(np.int64) for values in (a, b)]
    bytes_a, bytes_b = ([s * 8 for s in strides] for strides in (p.a_strides, p.b_strides))
    return as_strided(flat[0], p.shape, bytes_a), as_strided(flat[1], p.shape, bytes_b)


def both(inputs: list[np.ndarray], constants: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The operands of a kernel call in the kernel's order."""
    return inputs[0], constants["values"] if "values" in constants else inputs[1]
