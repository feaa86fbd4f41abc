# SPDX-License-Identifier: Apache-2.0
"""A layer for each part of a layer's channels, where the parts are read apart and reach differently far.

All channels of a tensor have one scale. The head of a detector computes positions, sizes and scores in one convolution
and then slices them: the narrow ones would have a few integers of the wide ones' scale, and no later change of scale
brings back what rounding took. As layers of their own, with their rows of the same weights, the parts have scales of
their own; the sums are the same, and the slices are gone. What lies between layer and slices (activations, reshapes,
permutations) is computed for each part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from espdl import traits
from espdl.errors import present
from espdl.quantize import channels
from espdl.quantize.channels import Taken, Trace
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.network import Network
from espdl.quantize.placement import Weighted, place
from espdl.quantize.types import Settings
from espdl.quantize.worth import Worth

# Parts of one layer: every one is a call of its own.
_MOST = 8


def split(network: Network, settings: Settings) -> tuple[onnx.ModelProto, frozenset[str]] | None:
    """The model with such layers, and its tensors of 16 bits; None where there are none."""
    worth = Worth.of(network, settings)
    proto, wide = network.graph.proto, set(network.wide)
    while (found := _next(Graph(proto), worth)) is not None:
        writer = _Writer(proto)
        for part, trace in found:
            wide |= {new for old, new in writer.add(part, trace).items() if old in wide}
        proto = writer.finish()
    return None if proto is network.graph.proto else (proto, frozenset(wide))


def _next(graph: Graph, worth: Worth) -> list[tuple[Taken, Trace]] | None:
    """The parts of the first layer that should be several, each with the way back to it."""
    layers: dict[str, Weighted] | None = None
    for tensor in graph.activations:
        consumers = graph.consumers.get(tensor, [])
        parts = [p for node in consumers if (p := channels.taken(graph, node)) is not None]
        if not 0 < len(parts) == len(consumers) <= _MOST or not _gain(graph, worth, tensor, parts):
            continue
        if layers is None:
            layers = _layers(graph)
        every = (channels.trace(graph, layers, tensor, p.axis, p.indices) for p in parts)
        traces = [trace for trace in every if trace is not None]
        if len(traces) == len(parts) and _is_closed(graph, tensor, traces[0]):
            return list(zip(parts, traces))
    return None


def _gain(graph: Graph, worth: Worth, tensor: str, parts: Sequence[Taken]) -> bool:
    """Whether a part would be much finer by itself; a part that others overlap would be computed twice."""
    everything = np.concatenate([p.indices for p in parts])
    apart = len({p.axis for p in parts}) == 1 and len(set(everything.tolist())) == len(everything)
    smaller = len(parts) > 1 or len(everything) < graph.shape(tensor)[parts[0].axis]
    names = [p.node.output[0] for p in parts]
    return apart and smaller and any(name in worth.shared and worth.gains(name) for name in names)


def _layers(graph: Graph) -> dict[str, Weighted]:
    """By the names of their nodes; with groups, an output channel does not read all that the layer reads."""
    found = [w for w in place(graph).weighted if attribute(w.node, "group", 1) == 1 and w.bias is not None]
    return {node.name: w for w in found for node in (w.node, w.bias_node) if node is not None}


def _is_closed(graph: Graph, tensor: str, trace: Trace) -> bool:
    """Whether nothing but the parts reads what lies on the way, and no caller."""
    inside = {node.name for node in trace.nodes}
    return not any(
        name in graph.outputs or (name != tensor and any(r.name not in inside for r in graph.consumers.get(name, [])))
        for name in trace.items
    )


class _Writer(Edit):
    """Puts the nodes of parts in the place of those that made the whole."""

    def __init__(self, proto: onnx.ModelProto):
        super().__init__(proto)
        self.graph = Graph(proto)
        self.gone: set[str] = set()
        self.made: list[onnx.NodeProto] = []
        self.place = ""

    def add(self, part: Taken, trace: Trace) -> dict[str, str]:
        """The part's own way from the layer to what took it before; the new tensors by the old ones."""
        result = part.node.output[0]
        self.gone |= {part.node.name, *(n.name for n in trace.nodes)}
        self.place = trace.nodes[0].name
        last = trace.nodes[0].output[0]
        names = {name: self.names.unique(f"{name}/{result}") for name in trace.items}
        if not part.drops:
            names[last] = result
        for node in reversed(trace.nodes):
            self.made.append(self._part(node, trace, names, result))
        if part.drops:
            shape = self.constant(f"{result}_shape", np.array(self.graph.shape(result), np.int64))
            name = self.names.unique(f"{part.node.name}/{result}")
            self.made.append(helper.make_node("Reshape", [names[last], shape], [result], name=name))
        return names

    def _part(self, node: onnx.NodeProto, trace: Trace, names: dict[str, str], result: str) -> onnx.NodeProto:
        output = node.output[0]
        axis, indices = trace.items[output]
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.name = self.names.unique(f"{node.name}/{result}")
        made.output[0] = names[output]
        made.input[:] = [names.get(i, i) for i in node.input]
        layer = trace.layer
        if node is layer.node:
            weights = self.graph.array(layer.weights)
            made.input[1] = self.constant(f"{made.output[0]}_weights", np.take(weights, indices, layer.axis))
        if node is (layer.bias_node if layer.bias_node is not None else layer.node):
            at = list(node.input).index(layer.bias)
            made.input[at] = self.constant(f"{made.output[0]}_bias", self._bias(layer, indices))
        elif traits.of(node.op_type).elementwise:
            for at, name in enumerate(node.input):
                own = channels.takes_along(self.graph, name, output, axis) if self.graph.is_constant(name) else None
                if own is not None:
                    values = np.take(self.graph.array(name), indices, own)
                    made.input[at] = self.constant(f"{made.output[0]}_{at}", values)
        elif traits.of(node.op_type).reshapes:
            shape = list(self.graph.shape(output))
            shape[axis] = len(indices)
            shape_name = self.constant(f"{made.output[0]}_shape", np.array(shape, np.int64))
            return helper.make_node("Reshape", [made.input[0], shape_name], list(made.output), name=made.name)
        elif (inner := channels.taken(self.graph, node)) is not None and inner.axis == axis:
            return helper.make_node("Identity", [made.input[0]], list(made.output), name=made.name)
        return made

    def _bias(self, layer: Weighted, indices: np.ndarray) -> np.ndarray:
        """A bias of one value serves all channels."""
        bias = self.graph.array(present(layer.bias))
        return np.take(bias, indices, -1) if bias.ndim and bias.shape[-1] > 1 else bias

    def finish(self) -> onnx.ModelProto:
        for node in self.proto.graph.node:
            if node.name == self.place:
                self.nodes += self.made
            elif node.name not in self.gone:
                self.nodes.append(node)
        del self.proto.graph.value_info[:]
        return inferred(super().finish())
