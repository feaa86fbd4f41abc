# SPDX-License-Identifier: Apache-2.0
"""Pad, Gather, Expand and Tile with constant arguments, in the form in which they are seen to move data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of, is_constant, shape_of

# A float holds every number that they can be padded with.
_PADDED = ("float32", "int8", "int16")


@converter("Gather")
def gather(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """Constant indices: one of them is a slice, several of them a take with indices that are not negative."""
    data, indices = inputs
    if is_constant(data) or not is_constant(indices):
        return None
    shape = shape_of(data)
    axis = attributes.get("axis", 0) % len(shape)
    places = indices.value.numpy() % shape[axis]
    if places.ndim == 0:
        first = int(places)
        part = bb.normalize(relax.op.strided_slice(data, [axis], [first], [first + 1], [1]))
        return relax.op.reshape(part, [*shape[:axis], *shape[axis + 1 :]])
    taken = bb.normalize(relax.op.take(data, relax.const(places.reshape(-1).astype(np.int64)), axis=axis))
    return relax.op.reshape(taken, [*shape[:axis], *places.shape, *shape[axis + 1 :]])


@converter("Pad")
def pad(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """Constant pads: a slice where they are negative, and a pad with a number or takes along the axes that are
    continued."""
    data, pads, value, axes = (*inputs, None, None)[:4] if len(inputs) > 1 else (inputs[0], None, None, None)
    if any(i is not None and not is_constant(i) for i in (value, axes)) or pads is None or not is_constant(pads):
        return None
    if dtype_of(data) not in _PADDED:
        return None
    rank, amounts = len(shape_of(data)), pads.value.numpy().reshape(2, -1).T
    widths = [(0, 0)] * rank
    for axis, (before, after) in zip(range(rank) if axes is None else axes.value.numpy().tolist(), amounts):
        widths[axis % rank] = (int(before), int(after))
    data = _cropped(bb, data, widths)
    widths = [(max(before, 0), max(after, 0)) for before, after in widths]
    mode = attributes.get("mode", b"constant").decode()
    if mode == "constant":
        number = 0.0 if value is None else float(value.value.numpy().reshape(()))
        flat = [w for pair in widths for w in pair]
        return relax.op.nn.pad(data, flat, "constant", number) if any(flat) else data
    for axis, (before, after) in enumerate(widths):
        if before or after:
            places = np.pad(np.arange(shape_of(data)[axis]), (before, after), mode=mode)
            data = bb.normalize(relax.op.take(data, relax.const(places.astype(np.int64)), axis=axis))
    return data


def _cropped(bb: relax.BlockBuilder, data: relax.Expr, widths: list[tuple[int, int]]) -> relax.Expr:
    """What negative widths take away."""
    ends = [(max(-before, 0), size - max(-after, 0)) for (before, after), size in zip(widths, shape_of(data))]
    axes = [axis for axis, end in enumerate(ends) if end != (0, shape_of(data)[axis])]
    if not axes:
        return data
    starts, stops = ([ends[axis][side] for axis in axes] for side in (0, 1))
    return bb.normalize(relax.op.strided_slice(data, axes, starts, stops, [1] * len(axes)))


@converter("Expand")
def expand(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    data, wanted = inputs
    if not is_constant(wanted) or is_constant(data):
        return None
    return _broadcast(bb, data, np.broadcast_shapes(shape_of(data), tuple(wanted.value.numpy().tolist())))


@converter("Tile")
def tile(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr | None:
    """Every axis beside one of its own that is repeated."""
    data, repeats = inputs
    if not is_constant(repeats) or is_constant(data):
        return None
    shape, times = shape_of(data), repeats.value.numpy().tolist()
    if min(times) < 1:
        return None
    apart = bb.normalize(relax.op.reshape(data, [n for size in shape for n in (1, size)]))
    wide = _broadcast(bb, apart, [n for count, size in zip(times, shape) for n in (count, size)])
    return relax.op.reshape(wide, [count * size for count, size in zip(times, shape)])


def _broadcast(bb: relax.BlockBuilder, data: relax.Expr, shape: Sequence[int]) -> relax.Expr:
    return data if tuple(shape) == shape_of(data) else bb.normalize(relax.op.broadcast_to(data, list(shape)))
