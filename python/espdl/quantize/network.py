# SPDX-License-Identifier: Apache-2.0
"""A float network with what is known of it, as one value that techniques turn into another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from espdl.errors import present
from espdl.quantize.edit import Edit, replace
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.placement import Placement, Weighted, place
from espdl.quantize.ranges import Statistics

# (name of a node, index of its input) -> the constant that it reads there instead.
Constants = Mapping[tuple[str, int], np.ndarray]


@dataclass(frozen=True)
class Network:
    """`statistics` by tensor: those that get a Q/DQ pair. `wide`: those of them with 16 bits in a network of 8."""

    graph: Graph
    placement: Placement
    statistics: Mapping[str, Statistics]
    wide: frozenset[str] = frozenset()

    @staticmethod
    def of(proto: onnx.ModelProto, statistics: Mapping[str, Statistics], wide: frozenset[str] = frozenset()) -> Network:
        graph = Graph(proto)
        return Network(graph, place(graph), statistics, wide)

    @property
    def layers(self) -> list[Layer]:
        return [Layer(self.graph, weighted) for weighted in self.placement.weighted]

    def with_constants(self, constants: Constants) -> onnx.ModelProto:
        """The model with these constants: see the function of this name."""
        return with_constants(self.graph, constants)


def with_constants(graph: Graph, constants: Constants) -> onnx.ModelProto:
    """The model with these constants; a constant that several nodes read is replaced only where it is named.

    Nodes that read one constant and get the same values in its place go on to read one.
    """
    edit = Edit(graph.proto)
    edit.nodes = list(edit.proto.graph.node)
    nodes = {node.name: node for node in edit.nodes}
    reads = Counter(name for node in edit.nodes for name in node.input)
    replaced: dict[str, np.ndarray | None] = {}
    made: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    for (node_name, index), given in constants.items():
        node = nodes[node_name]
        name = node.input[index]
        values = np.asarray(given, np.float32, order="C")
        key = (name, values.shape, values.tobytes())
        if key in made:
            node.input[index] = made[key]
        elif reads[name] > 1:
            node.input[index] = made[key] = edit.constant(f"{node.output[0]}_{index}", values)
        else:
            replaced[name], made[key] = values, name
            continue
        reads[name] -= 1
    replace(edit.proto, replaced)
    return edit.finish()


class Layer:
    """A node with constant weights, seen as a matrix: one row per output channel, one column per summed product."""

    def __init__(self, graph: Graph, weighted: Weighted):
        self.graph = graph
        self.weighted = weighted
        self.node = weighted.node
        self.key = weighted.node.output[0]
        self.output = weighted.output

    @property
    def weights(self) -> np.ndarray:
        """float64, in the node's own shape."""
        return self.graph.array(self.weighted.weights).astype(np.float64)

    @property
    def bias(self) -> np.ndarray:
        """float64 [output channels]."""
        bias = self.graph.array(present(self.weighted.bias)).astype(np.float64).reshape(-1)
        return np.broadcast_to(bias, (self.channels,))

    @property
    def channels(self) -> int:
        return self.graph.constants[self.weighted.weights].dims[self.weighted.axis]

    @property
    def groups(self) -> int:
        return int(attribute(self.node, "group", 1))

    @property
    def is_depthwise(self) -> bool:
        return self.groups > 1 and self.weights.shape[1] == 1

    def rows(self, values: np.ndarray) -> np.ndarray:
        """Weights in the node's shape as [output channels, columns]."""
        return np.moveaxis(values, self.weighted.axis, 0).reshape(self.channels, -1)

    def from_rows(self, rows: np.ndarray) -> np.ndarray:
        """What `rows` came from."""
        shape = self.weights.shape
        axis = self.weighted.axis
        first = (shape[axis], *shape[:axis], *shape[axis + 1 :])
        return np.moveaxis(rows.reshape(first), 0, axis)

    def per_output(self, values: np.ndarray) -> np.ndarray:
        """One value per output channel (or a scalar), shaped to broadcast over the weights."""
        if np.ndim(values) == 0:
            return np.asarray(values)
        shape = [1] * self.weights.ndim
        shape[self.weighted.axis] = -1
        return np.asarray(values).reshape(shape)

    def per_input(self, values: np.ndarray) -> np.ndarray | None:
        """One value per input channel, shaped to broadcast over the weights; None where the sizes do not fit."""
        weights = self.weights
        if self.node.op_type == "Conv":
            inputs = weights.shape[1]
            if len(values) != inputs * self.groups:
                return None
            by_group = np.asarray(values).reshape(self.groups, inputs)
            per_row = np.repeat(by_group, weights.shape[0] // self.groups, axis=0)
            return per_row.reshape(*per_row.shape, *[1] * (weights.ndim - 2))
        axis = 0 if self.node.op_type == "ConvTranspose" else 1 - self.weighted.axis
        if len(values) != weights.shape[axis]:
            return None
        shape = [1] * weights.ndim
        shape[axis] = -1
        return np.asarray(values).reshape(shape)

    @property
    def places(self) -> dict[str, tuple[str, int]]:
        """Where the node's constants are read: keys for Network.with_constants."""
        owner = self.weighted.bias_node if self.weighted.bias_node is not None else self.node
        return {
            "weights": (self.node.name, list(self.node.input).index(self.weighted.weights)),
            "bias": (owner.name, list(owner.input).index(self.weighted.bias)),
        }
