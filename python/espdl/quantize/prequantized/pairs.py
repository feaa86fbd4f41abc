# SPDX-License-Identifier: Apache-2.0
"""Q/DQ pairs that are one too many, or one too few."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl import traits
from espdl.quantize.edit import set_nodes
from espdl.quantize.graph import Graph


def complete(proto: onnx.ModelProto) -> None:
    """Adds the pair that ESP-PPQ leaves out after a pool: on the grid of its input, so that no value changes."""
    graph = Graph(proto)
    grids: dict[str, list[str]] = {}
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        nodes.append(node)
        name = node.output[0]
        if node.op_type == "DequantizeLinear" and not graph.is_constant(node.input[0]):
            grids[name] = list(node.input[1:])
        elif traits.of(node.op_type).picks and node.input[0] in grids and len(node.output) == 1 and _lacks(graph, name):
            grids[name] = grids[node.input[0]]
            node.output[0], steps = f"{name}/selected", f"{name}/quantized"
            for kind, source, result in (("Quantize", node.output[0], steps), ("Dequantize", steps, name)):
                nodes.append(helper.make_node(f"{kind}Linear", [source, *grids[name]], [result], name=result))
    set_nodes(proto, nodes)


def _lacks(graph: Graph, name: str) -> bool:
    consumers = graph.consumers.get(name, [])
    return name not in graph.outputs and any(consumer.op_type != "QuantizeLinear" for consumer in consumers)


def merge(proto: onnx.ModelProto) -> None:
    """layer, Q, DQ, ReLU, Q with one scale: the first pair goes, because clamping commutes with rounding."""
    graph, gone = Graph(proto), set()
    for activation in graph.nodes:
        dequantize = graph.producer.get(activation.input[0]) if activation.op_type == "Relu" else None
        quantize = graph.producer.get(dequantize.input[0]) if dequantize is not None else None
        if dequantize is not None and quantize is not None and _may_go(graph, quantize, dequantize, activation):
            activation.input[0] = quantize.input[0]
            gone |= {quantize.output[0], dequantize.output[0]}
    set_nodes(proto, [n for n in proto.graph.node if n.output[0] not in gone])


def _may_go(graph: Graph, quantize: onnx.NodeProto, dequantize: onnx.NodeProto, activation: onnx.NodeProto) -> bool:
    producer, after = graph.producer.get(quantize.input[0]), graph.only_consumer(activation.output[0])
    return (
        (quantize.op_type, dequantize.op_type) == ("QuantizeLinear", "DequantizeLinear")
        and after is not None
        and after.op_type == "QuantizeLinear"
        and producer is not None
        and (traits.of(producer.op_type).layer or producer.op_type == "Add")
        and all(graph.only_consumer(n.output[0]) is not None for n in (producer, quantize, dequantize))
        and all(_same(graph, quantize, other) for other in (after, dequantize))
    )


def _same(graph: Graph, a: onnx.NodeProto, b: onnx.NodeProto) -> bool:
    return all(np.array_equal(graph.array(x), graph.array(y)) for x, y in zip(a.input[1:], b.input[1:]))
