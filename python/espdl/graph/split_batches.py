# SPDX-License-Identifier: Apache-2.0
"""Layers over several images: kernels have one. A convolution along rows takes all images as the rows of one; for the
others every image is a tensor of its own, in the memory of all where its place allows that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from espdl.graph.types import OperatorGraph
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import MAX_PARTS, Concat
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.copy import Copy, View
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.plan.types import ALIGNMENT, Tensor

_LAYERS = (AveragePool2d, Conv2d, ConvTranspose2d, MaxPool2d)


def apply(graph: OperatorGraph) -> OperatorGraph:
    """`graph` with such layers as layers over one image."""
    operators: list[Operator] = []
    aliases: list[Tensor] = []
    for operator in graph.operators:
        if not isinstance(operator, _LAYERS) or operator.inputs[0].shape[0] == 1 or _is_one_image(operator):
            operators.append(operator)
        elif _works_on_rows(operator):
            (x,), (y,) = operator.inputs, operator.outputs
            taken, made = (_stacked(t, t.name if t is x else None) for t in (x, y))
            operators.append(replace(operator, inputs=(taken,), outputs=(made,)))
            aliases += [taken, replace(y, alias_of=made.name)]
        else:
            parts = list(_one_by_one(operator))
            operators += [part for part in parts if isinstance(part, Operator)]
            aliases += [part for part in parts if isinstance(part, Tensor)]
    return replace(graph, operators=tuple(operators), aliases=(*graph.aliases, *aliases))


def _is_one_image(operator: Operator) -> bool:
    """A mean reads a tensor of any shape as one image."""
    return isinstance(operator, AveragePool2d) and math.prod(operator.image) == operator.inputs[0].count


def _works_on_rows(operator: Operator) -> bool:
    """Whether no window has more than one row."""
    return isinstance(operator, Conv2d) and (
        operator.weights.shape[1],
        operator.strides[0],
        operator.pads[0],
        operator.pads[2],
    ) == (1, 1, 0, 0)


def _stacked(tensor: Tensor, alias_of: str | None) -> Tensor:
    batch, height, *rest = tensor.shape
    return replace(tensor, name=f"{tensor.name}:rows", shape=(1, batch * height, *rest), alias_of=alias_of)


def _one_by_one(operator: Operator) -> Iterator[Operator | Tensor]:
    """Operators, and aliases for images that lie where every kernel can read them."""
    (x,), (y,) = operator.inputs, operator.outputs
    results = []
    for index in range(x.shape[0]):
        taken, made = (replace(t, name=f"{t.name}:image{index}", shape=(1, *t.shape[1:])) for t in (x, y))
        if taken.nbytes % ALIGNMENT == 0:
            yield replace(taken, alias_of=x.name, alias_offset=index * taken.nbytes)
        else:
            yield Copy((x,), (taken,), operator.source_nodes, View(index * taken.count, ((taken.count, 1),)))
        yield replace(operator, inputs=(taken,), outputs=(made,))
        results.append(made)
    yield from _joined(results, y, operator.source_nodes)


def _joined(parts: list[Tensor], y: Tensor, nodes: tuple[str, ...]) -> Iterator[Operator]:
    """One behind the other, as many at a time as a concatenation has parts."""
    level = 0
    while len(parts) > MAX_PARTS:
        groups, level = [parts[i : i + MAX_PARTS] for i in range(0, len(parts), MAX_PARTS)], level + 1
        parts = []
        for index, group in enumerate(groups):
            whole = group[0]
            if len(group) > 1:
                shape = (sum(t.shape[0] for t in group), *y.shape[1:])
                whole = replace(y, name=f"{y.name}:images{level}.{index}", shape=shape)
                yield Concat(tuple(group), (whole,), nodes, 1)
            parts.append(whole)
    yield Concat(tuple(parts), (y,), nodes, 1)
