# SPDX-License-Identifier: Apache-2.0
"""Chains of reshapes and permutations: channel shuffle, depth to space, and what flattens an image for a product.

A reshape that splits axes, a permutation, and a reshape that joins them move the same factors of the shape in whatever
order the image lies in memory. So that a chain that begins with a channels-last image needs one move at most, and often
none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tvm import relax

from espdl.partition.passes.channels_last import TO_NCHW, TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of


@rule("relax.permute_dims")
def permute_dims(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """A model that takes NHWC begins with such a permutation: its result is channels last without a move."""
    axes, source = attribute(call, "axes"), call.args[0]
    if axes is None:
        return None
    if axes == TO_NCHW and not layout.has_last(source):
        return layout.map(source)
    before: Any = layout.old.get(source)
    image = before.args[0] if op_name(before) == "relax.reshape" else source
    if not layout.has_last(image) or axes == TO_NHWC:
        return None
    return _moved(layout, image, shape_of(source), axes, [shape_of(source)[a] for a in axes])


@rule("relax.reshape")
def reshape(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """The end of a chain; a reshape alone stays what it is."""
    permutation: Any = layout.old.get(call.args[0])
    if op_name(permutation) != "relax.permute_dims":
        return None
    source = permutation.args[0]
    before: Any = layout.old.get(source)
    image = before.args[0] if op_name(before) == "relax.reshape" else source
    axes = attribute(permutation, "axes")
    if not layout.has_last(image) or axes is None:
        return None
    return _moved(layout, image, shape_of(source), axes, [int(d) for d in call.ty.shape.values])


def _moved(
    layout: Layout, image: relax.Expr, split: tuple[int, ...], axes: tuple[int, ...], wanted: list[int]
) -> relax.Expr | None:
    """reshape(permute(reshape(image, split), axes), wanted), computed from the channels-last image; None where the
    shapes do not split and join whole axes."""
    groups = _groups(shape_of(image), split)
    results = _groups(wanted, [split[a] for a in axes]) if len(wanted) == 4 else [list(range(len(axes)))]
    if groups is None or results is None:
        return None
    order = [factor for axis in TO_NHWC for factor in groups[axis]]
    if len(wanted) == 4:
        results = [results[axis] for axis in TO_NHWC]
        wanted = [wanted[axis] for axis in TO_NHWC]
    target = [axes[place] for result in results for place in result]
    value = layout.emit(relax.op.reshape(layout.nhwc(image), [split[f] for f in order]))
    permutation = [order.index(factor) for factor in target]
    moved = [p for p in permutation if split[order[p]] != 1]
    if moved != sorted(moved):
        value = layout.emit(relax.op.permute_dims(value, permutation))
    return relax.op.reshape(value, wanted)


def _groups(shape: Sequence[int], factors: Sequence[int]) -> list[list[int]] | None:
    """For each axis of `shape` the places of those `factors` whose product it is; None where one straddles."""
    groups, place = [], 0
    for size in shape:
        group, product = [], 1
        while place < len(factors) and (product < size or (factors[place] == 1 and product == size)):
            product *= factors[place]
            group.append(place)
            place += 1
        if product != size:
            return None
        groups.append(group)
    return groups if place == len(factors) else None


@rule("relax.matmul")
def matmul(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """A flattened image times constant weights: the weights' rows are put into the order of the image in memory."""
    data, weights = call.args
    flat: Any = layout.old.get(data)
    dequantize = flat if op_name(flat) == "relax.dequantize" else None
    if dequantize is not None:
        flat = layout.old.get(flat.args[0])
    if op_name(flat) != "relax.reshape" or not layout.has_last(flat.args[0]):
        return None
    image = flat.args[0]
    _, channels, height, width = shape_of(image)
    moved = _reordered(layout, weights, (channels, height, width))
    if shape_of(data)[-1] != channels * height * width or moved is None or channels == 1 or height * width == 1:
        return None
    value = layout.emit(relax.op.reshape(layout.nhwc(image), list(shape_of(data))))
    if dequantize is not None:
        value = layout.emit(layout.dequantize(value, dequantize, 0))
    return relax.op.matmul(value, moved)


def _reordered(layout: Layout, weights: relax.Expr, image: tuple[int, int, int]) -> relax.Expr | None:
    """Weights [inputs, outputs], or transposed, with their inputs channels last; None where they are not constant."""
    definition: Any = layout.old.get(weights)
    transposed = op_name(definition) == "relax.permute_dims"
    source = layout.constant_source(definition.args[0] if transposed else weights)
    if source is None or len(shape_of(weights)) != 2:
        return None
    constant = source if is_constant(source) else source.args[0]
    axis = 1 if transposed else 0
    if constant.value.numpy().shape[axis] != math.prod(image):
        return None
    order = np.arange(math.prod(image)).reshape(image).transpose(1, 2, 0).reshape(-1)
    data = relax.const(np.ascontiguousarray(np.take(constant.value.numpy(), order, axis=axis)))
    if not is_constant(source):
        if not layout._per_tensor(source) and attribute(source, "axis") % 2 == axis:
            return None
        data = layout.emit(layout.dequantize(data, source, attribute(source, "axis")))
    return layout.emit(relax.op.permute_dims(data, [1, 0])) if transposed else data
