# SPDX-License-Identifier: Apache-2.0
"""Layers over several images: kernels have one. A convolution along rows takes all images as the rows of one; for the
others every image is a tensor of its own, in the memory of all where its place allows that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import MAX_PARTS, Concat
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.copy import Copy, View
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.passes import Pass
from espdl.plan.types import ALIGNMENT, Tensor

_LAYERS = (AveragePool2d, Conv2d, ConvTranspose2d, MaxPool2d)


def apply(graph: OperatorGraph, _: GraphOptions) -> OperatorGraph:
    """`graph` with such layers as layers over one image."""
    batches = _Batches()
    for operator in graph.operators:
        if not isinstance(operator, _LAYERS) or operator.inputs[0].shape[0] == 1 or _is_one_image(operator):
            batches.operators.append(operator)
        elif _works_on_rows(operator):
            batches.rows(operator)
        else:
            batches.one_by_one(operator)
    changed = replace(graph, operators=tuple(batches.operators), aliases=(*graph.aliases, *batches.aliases))
    return changed.without_unread(batches.wholes)


class _Batches:
    """`parts`: the tensors that hold all rows, or one image each, of a tensor; who reads one after another has taken it
    apart, or has made it, reads those. `wholes`: operators that only put images together again."""

    def __init__(self) -> None:
        self.operators: list[Operator] = []
        self.aliases: list[Tensor] = []
        self.parts: dict[tuple[str, str], list[Tensor]] = {}
        self.wholes: list[Operator] = []

    def rows(self, operator: Operator) -> None:
        (x,), (y,) = operator.inputs, operator.outputs
        if ("rows", x.name) not in self.parts:
            self.parts["rows", x.name] = [replace(_stacked(x), alias_of=x.name)]
            self.aliases += self.parts["rows", x.name]
        self.parts["rows", y.name] = [_stacked(y)]
        self.operators.append(_over(operator, *self.parts["rows", x.name], *self.parts["rows", y.name]))
        self.aliases.append(replace(y, alias_of=_stacked(y).name))

    def one_by_one(self, operator: Operator) -> None:
        """Images that lie where every kernel can read them are aliases, the others are copied."""
        (x,), (y,) = operator.inputs, operator.outputs
        if ("images", x.name) not in self.parts:
            self.parts["images", x.name] = [self._taken(x, index, operator.source_nodes) for index in range(x.shape[0])]
        results = [_image(y, index) for index in range(y.shape[0])]
        self.operators += [_over(operator, a, b) for a, b in zip(self.parts["images", x.name], results, strict=True)]
        self.parts["images", y.name] = results
        joined = list(_joined(results, y, operator.source_nodes))
        self.operators += joined
        self.wholes += joined

    def _taken(self, x: Tensor, index: int, nodes: tuple[str, ...]) -> Tensor:
        image = _image(x, index)
        if image.nbytes % ALIGNMENT == 0:
            self.aliases.append(replace(image, alias_of=x.name, alias_offset=index * image.nbytes))
        else:
            view = View(index * image.count, ((image.count, 1),))
            self.operators.append(Copy((x,), (image,), nodes, view))
        return image


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


def _stacked(tensor: Tensor) -> Tensor:
    batch, height, *rest = tensor.shape
    return replace(tensor, name=f"{tensor.name}:rows", shape=(1, batch * height, *rest))


def _image(tensor: Tensor, index: int) -> Tensor:
    return replace(tensor, name=f"{tensor.name}:image{index}", shape=(1, *tensor.shape[1:]))


def _over(operator: Operator, x: Tensor, y: Tensor) -> Operator:
    """`operator` from `x` to `y`, which knows the scale that `operator` reads: who makes `x` may not."""
    (read,) = operator.inputs
    return replace(operator, inputs=(replace(read, name=x.name, shape=x.shape),), outputs=(y,))


def _joined(parts: list[Tensor], y: Tensor, nodes: tuple[str, ...]) -> Iterator[Operator]:
    """One after the other, as many at a time as a concatenation has parts."""
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


PASS = Pass("split_batches", apply, leaves=("one_image",))
