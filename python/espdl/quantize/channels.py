# SPDX-License-Identifier: Apache-2.0
"""Which channels of a layer a tensor after it holds: through activations, reshapes, permutations, pools and slices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.placement import Weighted

# The items of a tensor along an axis that are wanted.
Items = tuple[int, np.ndarray]


@dataclass(frozen=True)
class Taken:
    """`node` takes these items of the tensor that it reads; `drops`: the axis goes, because it takes one."""

    node: onnx.NodeProto
    axis: int
    indices: np.ndarray
    drops: bool = False


@dataclass(frozen=True)
class Trace:
    """What makes some items of a tensor: `nodes` (against the order of the graph) from it back to those of `layer`.

    `items` per tensor on the way.
    """

    layer: Weighted
    nodes: tuple[onnx.NodeProto, ...]
    items: Mapping[str, Items]


def taken(graph: Graph, node: onnx.NodeProto) -> Taken | None:
    """What a Slice along one axis, or a Gather at constant indices, takes; None for any other node."""
    others = [i for i in node.input[1:] if i]
    if node.op_type not in ("Slice", "Gather") or not all(graph.is_constant(i) for i in others):
        return None
    shape = graph.shape(node.input[0])
    if node.op_type == "Gather":
        axis, indices = int(attribute(node, "axis", 0)) % len(shape), graph.array(node.input[1])
        found = indices.reshape(-1) % shape[axis]
        return Taken(node, axis, found, indices.ndim == 0) if indices.ndim < 2 else None
    starts, stops = (graph.array(i).tolist() for i in node.input[1:3])
    axes = _values(graph, node, 3, list(range(len(starts))))
    steps = _values(graph, node, 4, [1] * len(starts))
    parts = []
    for start, stop, axis, step in zip(starts, stops, axes, steps):
        if step <= 0:
            return None
        indices = np.arange(shape[axis])[slice(*slice(start, stop, step).indices(shape[axis]))]
        if len(indices) < shape[axis]:
            parts.append(Taken(node, axis % len(shape), indices))
    return parts[0] if len(parts) == 1 else None


def trace(graph: Graph, layers: Mapping[str, Weighted], tensor: str, axis: int, indices: np.ndarray) -> Trace | None:
    """The way back from items of `tensor` to rows of the one layer that makes it; None where there is none.

    `layers` by their nodes' names.
    """
    items: dict[str, Items] = {tensor: (axis, indices)}
    nodes, layer = [], None
    for node in reversed(graph.nodes):
        if not any(output in items for output in node.output):
            continue
        if len(node.output) > 1:
            return None
        nodes.append(node)
        wanted = items[node.output[0]]
        weighted = layers.get(node.name)
        if weighted is not None:
            if layer not in (None, weighted) or wanted[0] != channel_axis(graph, weighted):
                return None
            layer = weighted
            if node is not weighted.node:
                items[weighted.node.output[0]] = wanted
            continue
        sources = [name for name in dict.fromkeys(node.input) if graph.is_activation(name)]
        for name in sources:
            before = _before(graph, node, name, *wanted)
            if before is None or not _same(items.setdefault(name, before), before):
                return None
        if not sources:
            return None
    if layer is None or any(name in graph.inputs for name in items):
        return None
    return Trace(layer, tuple(nodes), items)


def channel_axis(graph: Graph, weighted: Weighted) -> int:
    """The axis of the output channels in what a layer computes."""
    return 1 if "Conv" in weighted.node.op_type else len(graph.shape(weighted.node.output[0])) - 1


def takes_along(graph: Graph, constant: str, output: str, axis: int) -> int | None:
    """The axis of an elementwise operand that goes with `axis` of the result; None where its values are for all."""
    dims = graph.shape(constant)
    own = axis - (len(graph.shape(output)) - len(dims))
    return own if own >= 0 and dims[own] > 1 else None


def _values(graph: Graph, node: onnx.NodeProto, position: int, default: list[int]) -> list[int]:
    given = len(node.input) > position and node.input[position]
    return graph.array(node.input[position]).tolist() if given else default


def _same(one: Items, other: Items) -> bool:
    return one[0] == other[0] and np.array_equal(one[1], other[1])


def _before(graph: Graph, node: onnx.NodeProto, source: str, axis: int, indices: np.ndarray) -> Items | None:
    """The items of `source` that these of the node's output are made of; None where that is not a part of one axis."""
    shape, result = graph.shape(source), graph.shape(node.output[0])
    known = traits.of(node.op_type)
    if known.elementwise:
        return (axis, indices) if shape == result else None
    if node.op_type == "Transpose":
        return int(attribute(node, "perm", list(range(len(shape)))[::-1])[axis]), indices
    if known.reshapes:
        return _unshaped(shape, result, axis, indices)
    if known.pools:
        return (axis, indices) if axis == 1 else None
    found = taken(graph, node)
    if found is None or found.drops:
        return None
    return (axis, found.indices[indices] if found.axis == axis else indices)


def _unshaped(shape: tuple[int, ...], result: tuple[int, ...], axis: int, indices: np.ndarray) -> Items | None:
    """The axis of `shape` that a reshape takes apart into `axis` of `result` and neighbours, and its items."""
    first = math.prod(result[:axis])
    last = math.prod(result[axis + 1 :])
    for own, size in enumerate(shape):
        before, after = math.prod(shape[:own]), math.prod(shape[own + 1 :])
        outer, inner = first // before, last // after
        if first % before or last % after or outer * result[axis] * inner != size:
            continue
        lows = [math.prod(result[:i]) for i in range(axis + 1)]
        highs = [math.prod(result[i:]) for i in range(axis + 1, len(result) + 1)]
        if size > 1 and before in lows and after in highs:
            return own, np.arange(size).reshape(outer, result[axis], inner)[:, indices].reshape(-1)
    return None
