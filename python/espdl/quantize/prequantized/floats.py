# SPDX-License-Identifier: Apache-2.0
"""Constants that are wanted as floats: those of layers that run in floats because of how the model was quantised, and
numbers that say what an operator does."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from espdl import traits
from espdl.quantize.edit import add, set_nodes
from espdl.quantize.graph import Graph
from espdl.quantize.prequantized.constants import run


def use_float_numbers(proto: onnx.ModelProto) -> None:
    """The fill of a Pad and the bounds of a Clip as floats where they are integers after a DequantizeLinear: tools
    quantise them like data."""
    graph = Graph(proto)
    numbers: dict[str, str] = {}
    for node in graph.nodes:
        for index in traits.of(node.op_type).numbers:
            name = node.input[index] if index < len(node.input) else ""
            source = graph.producer.get(name)
            if source is None or not _of_constants(graph, source):
                continue
            if name not in numbers:
                values = run(proto, source, [graph.constants[i] for i in dict.fromkeys(source.input)])
                numbers[name] = add(proto, f"{name}_number", values[0])
            node.input[index] = numbers[name]


def use_float_constants(proto: onnx.ModelProto) -> list[str]:
    """Computes the weights and biases of such layers, and says which they are."""
    graph = Graph(proto)
    slow = []
    computed: set[str] = set()
    for node in graph.nodes:
        reason = _reason(graph, node)
        if reason is None:
            continue
        slow.append(f"node '{node.name or node.output[0]}': {reason}")
        for name in node.input[1:]:
            source = graph.producer.get(name)
            if source is not None and _of_constants(graph, source) and graph.only_consumer(name) is not None:
                values = run(proto, source, [graph.constants[i] for i in dict.fromkeys(source.input)])
                proto.graph.initializer.append(numpy_helper.from_array(values[0], name))
                computed.add(name)
    set_nodes(proto, [n for n in proto.graph.node if n.output[0] not in computed])
    return slow


def _reason(graph: Graph, node: onnx.NodeProto) -> str | None:
    if not traits.of(node.op_type).layer or not all(_is_dequantized(graph, name) for name in node.input[:2]):
        return None
    zero_point = graph.array(graph.producer[node.input[0]].input[2])
    if zero_point.dtype == np.int16 and zero_point.any():
        return "its 16-bit data has a zero point other than 0, so that it runs in floats; quantise it symmetrically"
    weights = graph.producer[node.input[1]]
    if _of_constants(graph, weights) and graph.array(weights.input[2]).any():
        return "its weights have a zero point other than 0, so that it runs in floats; quantise them symmetrically"
    if not _is_quantized_after(graph, node):
        return "its result has no QuantizeLinear, so that it runs in floats; let the tool quantise its output too"
    return None


def _is_dequantized(graph: Graph, name: str) -> bool:
    return name in graph.producer and graph.producer[name].op_type == "DequantizeLinear"


def _of_constants(graph: Graph, node: onnx.NodeProto) -> bool:
    return node.op_type == "DequantizeLinear" and all(graph.is_constant(name) for name in node.input)


def _is_quantized_after(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether the result is quantised after its bias and its activation."""
    name = node.output[0]
    while True:
        consumers = graph.consumers.get(name, [])
        if consumers and all(consumer.op_type == "QuantizeLinear" for consumer in consumers):
            return True
        consumer = graph.only_consumer(name)
        if consumer is None or not (_is_passed(consumer) or _adds_constant(graph, consumer)):
            return False
        name = consumer.output[0]


def _is_passed(node: onnx.NodeProto) -> bool:
    """Whether it may stand between a layer and the QuantizeLinear of its result."""
    known = traits.of(node.op_type)
    return known.activation or known.reshapes or node.op_type == "Transpose"


def _adds_constant(graph: Graph, node: onnx.NodeProto) -> bool:
    def is_constant(name: str) -> bool:
        return graph.is_constant(name) or (name in graph.producer and _of_constants(graph, graph.producer[name]))

    return node.op_type == "Add" and any(is_constant(name) for name in node.input)
