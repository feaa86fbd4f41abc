# SPDX-License-Identifier: Apache-2.0
"""Which tensors can hold their values times a positive factor without a change of the network's meaning.

Convolutions and matrix products are linear: a factor of their output, or the inverse of one of their input, goes into
their weights. Max, average, addition of tensors, ReLU and moves are positively homogeneous: their output carries the
factor of their inputs. Every other operator needs the model's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.placement import Placement

HOMOGENEOUS = {
    "Relu", "LeakyRelu", "Clip", "Add", "Sub", "Max", "Min", "Concat", "MaxPool", "AveragePool", "GlobalMaxPool",
    "GlobalAveragePool", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "Reshape", "Flatten", "Squeeze",
    "Unsqueeze", "Transpose", "Identity", "Slice", "Split", "Gather", "DepthToSpace", "SpaceToDepth", "Expand",
    "Tile", "Dropout",
}  # fmt: skip

# Computed by a table or from differences: no relation between the scales of input and output is needed.
FREE = {
    "Softmax", "Sigmoid", "HardSigmoid", "Tanh", "Exp", "Log", "Sqrt", "Erf", "Elu", "Selu", "Softplus",
    "HardSwish", "Gelu", "Abs", "Neg", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos",
}  # fmt: skip

_WITH_CONSTANTS = {"Add", "Sub", "Max", "Min", "Concat"}


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
    parent = {name: name for name in graph.activations}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    weighted = {w.node.name: w for w in placement.weighted}
    adders = {w.bias_node.name for w in placement.weighted if w.bias_node is not None}
    pinned, exact = {*graph.inputs, *graph.outputs}, set()
    for node in graph.nodes:
        values = [n for n in (*node.input, *node.output) if n in parent]
        if node.name in weighted or not values:
            continue
        if node.name in adders or _is_homogeneous(graph, node):
            for other in values[1:]:
                parent[find(other)] = find(values[0])
            continue
        pinned |= set(values)
        if node.op_type not in FREE:
            exact |= set(values)
    roots = list(dict.fromkeys(find(name) for name in parent))
    number = {root: index for index, root in enumerate(roots)}
    of = {name: number[find(name)] for name in parent}
    return Groups(
        of=of,
        edges={w.node.output[0]: (of[w.data], of[w.output]) for w in placement.weighted},
        pinned=frozenset(of[name] for name in pinned if name in of),
        exact=frozenset(of[name] for name in exact),
    )


def _is_homogeneous(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type not in HOMOGENEOUS:
        return False
    if node.op_type == "Clip":
        return all(graph.is_constant(name) for name in node.input[1:] if name)
    return node.op_type not in _WITH_CONSTANTS or not any(graph.is_constant(name) for name in node.input if name)


def fold(network: Network, found: Groups, factors: Sequence[float]) -> Network:
    """The network whose tensors hold their values times the factor of their group; inputs and outputs mean the same."""
    graph = network.graph
    constants: dict[tuple[str, int], np.ndarray] = {}
    for layer in network.layers:
        source, target = found.edges[layer.key]
        places = layer.places
        constants[places["weights"]] = layer.weights * (factors[target] / factors[source])
        constants[places["bias"]] = graph.array(layer.weighted.bias).astype(np.float64) * factors[target]
    for node in graph.nodes:
        if node.op_type == "Clip" and node.input[0] in found.of:
            for index, name in enumerate(node.input[1:], 1):
                if name:
                    constants[node.name, index] = (
                        graph.array(name).astype(np.float64) * factors[found.of[node.input[0]]]
                    )
    statistics = {n: s.scaled(factors[found.of[n]]) if n in found.of else s for n, s in network.statistics.items()}
    return Network.of(network.with_constants(constants), statistics, network.wide)
