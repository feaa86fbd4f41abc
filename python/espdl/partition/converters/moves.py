# SPDX-License-Identifier: Apache-2.0
"""Pad, Gather, Expand and Tile with constant arguments, in the form in which they are seen to move data only."""

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, dtype_of, is_constant, shape_of


@converter("Gather")
def gather(bb, inputs, attributes):
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
def pad(bb, inputs, attributes):
    """Constant pads that are not negative: a pad with a number, or takes along the axes that are continued."""
    data, pads, value, axes = (*inputs, None, None)[:4] if len(inputs) > 1 else (inputs[0], None, None, None)
    if pads is None or not is_constant(pads) or (value is not None and not is_constant(value)):
        return None
    if axes is not None and not is_constant(axes):
        return None
    shape = shape_of(data)
    amounts = pads.value.numpy().reshape(2, -1).T
    widths = [[0, 0] for _ in shape]
    for axis, (before, after) in zip(range(len(shape)) if axes is None else axes.value.numpy().tolist(), amounts):
        widths[axis % len(shape)] = [int(before), int(after)]
    mode = attributes.get("mode", b"constant").decode()
    if any(w < 0 for pair in widths for w in pair) or dtype_of(data) != "float32":
        return None
    if mode == "constant":
        number = 0.0 if value is None else float(value.value.numpy().reshape(()))
        return relax.op.nn.pad(data, [w for pair in widths for w in pair], "constant", number)
    numpy_mode = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}[mode]
    for axis, (before, after) in enumerate(widths):
        if before or after:
            places = np.pad(np.arange(shape[axis]), (before, after), mode=numpy_mode)
            data = bb.normalize(relax.op.take(data, relax.const(places.astype(np.int64)), axis=axis))
    return data


@converter("Expand")
def expand(bb, inputs, attributes):
    data, wanted = inputs
    if not is_constant(wanted) or is_constant(data):
        return None
    return _broadcast(bb, data, np.broadcast_shapes(shape_of(data), tuple(wanted.value.numpy().tolist())))


@converter("Tile")
def tile(bb, inputs, attributes):
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


def _broadcast(bb, data, shape):
    return data if tuple(shape) == shape_of(data) else bb.normalize(relax.op.broadcast_to(data, list(shape)))
