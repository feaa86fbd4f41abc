# SPDX-License-Identifier: Apache-2.0
"""Which tensors can hold their values times a positive factor without a change of the network's meaning.

Convolutions and matrix products are linear: a factor of their output, or the inverse of one of their input, goes into
their weights. Max, average, addition of tensors, ReLU and moves are positively homogeneous: their output carries the
factor of their inputs, and so do the constants among these: the bounds of a Clip, an embedding's table, what is added.
Every other operator needs the model's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.errors import present
from espdl.quantize import regions
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.network import Network
from espdl.quantize.placement import Placement
from espdl.quantize.sets import Sets


@dataclass(frozen=True)
class Groups:
    """Sets of tensors that carry one factor, by number.

    `of`: activation -> group. `edges`: per node with weights (its first output), the groups of its input and its
    output.
    `pinned`: the factor is 1. `exact`: pinned, and its scale must be a power of two itself.
    """

    of: Mapping[str, int]
    edges: Mapping[str, tuple[int, int]]
    pinned: frozenset[int]
    exact: frozenset[int]

    @property
    def terminal(self) -> frozenset[int]:
        """Pinned groups that no node with weights reads and whose scale may be anything."""
        read = {source for source, _ in self.edges.values()}
        return self.pinned - self.exact - read

    def members(self, group: int) -> list[str]:
        return [name for name, number in self.of.items() if number == group]


def groups(graph: Graph, placement: Placement) -> Groups:
    sets = Sets(graph.activations)
    for group in placement.groups:  # they share one scale
        sets.join(group)
    layers = {w.node.name for w in placement.weighted}
    adders = {w.bias_node.name for w in placement.weighted if w.bias_node is not None}
    tables = regions.functions(graph, {*placement.quantized, *(w.output for w in placement.weighted)})
    pinned, exact = {*graph.inputs, *graph.outputs}, set()
    for node in graph.nodes:
        values = [n for n in (*node.input, *node.output) if n in sets]
        if node.name in layers or not values:
            continue
        if node.name in adders or _scaled(graph, node):
            sets.join(values)
            continue
        pinned |= set(values)
        if not traits.of(node.op_type).table and node.output[0] not in tables:
            exact |= set(values)
    of = {name: index for index, names in enumerate(sets.all().values()) for name in names}
    return Groups(
        of=of,
        edges={w.node.output[0]: (of[w.data], of[w.output]) for w in placement.weighted},
        pinned=frozenset(of[name] for name in pinned if name in of),
        exact=frozenset(of[name] for name in exact),
    )


def _scaled(graph: Graph, node: onnx.NodeProto) -> list[int]:
    """The inputs that, all of them times a positive factor, give the output times that factor; none if some cannot be.

    They are activations or float constants; what else the node reads (indices, the factors of a product) stays.
    """
    if node.op_type in ("Mul", "Div"):
        varying = [i for i, name in enumerate(node.input) if not graph.is_constant(name)]
        fits = len(varying) == 1 and (node.op_type == "Mul" or varying == [0])
        return [i for i in varying if fits and graph.is_activation(node.input[i])]
    known = traits.of(node.op_type).scaled
    found = [i for i, name in enumerate(node.input) if name and i in known]
    if node.op_type == "Resize" and attribute(node, "extrapolation_value", 0.0) != 0.0:
        return []
    names = [node.input[i] for i in found]
    fits = all(graph.is_activation(n) or (graph.is_constant(n) and graph.is_float(n)) for n in names)
    return found if fits else []


def fold(network: Network, found: Groups, factors: Sequence[float] | np.ndarray) -> Network:
    """The network whose tensors hold their values times the factor of their group; inputs and outputs mean the same."""
    graph = network.graph
    constants: dict[tuple[str, int], np.ndarray] = {}
    for layer in network.layers:
        source, target = found.edges[layer.key]
        places = layer.places
        constants[places["weights"]] = layer.weights * (factors[target] / factors[source])
        constants[places["bias"]] = graph.array(present(layer.weighted.bias)).astype(np.float64) * factors[target]
    layers = {n.name for w in network.placement.weighted for n in (w.node, w.bias_node) if n is not None}
    for node in graph.nodes:
        factor = factors[found.of[node.output[0]]] if node.output and node.output[0] in found.of else 1.0
        if node.name not in layers and factor != 1.0:
            for i in _scaled(graph, node):
                if graph.is_constant(node.input[i]):
                    constants[node.name, i] = graph.array(node.input[i]).astype(np.float64) * factor
    statistics = {n: s.scaled(factors[found.of[n]]) if n in found.of else s for n, s in network.statistics.items()}
    return Network.of(network.with_constants(constants), statistics, network.wide)
