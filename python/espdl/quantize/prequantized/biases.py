# SPDX-License-Identifier: Apache-2.0
"""Float biases of quantised layers become int32."""

from __future__ import annotations

import numpy as np
import onnx

from espdl import traits
from espdl.errors import EspdlError
from espdl.quantization import Quantization
from espdl.quantize.edit import Edit
from espdl.quantize.graph import Graph


def quantize(proto: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """Biases of layers whose data and weights are dequantised: floats, and integers of another scale."""
    edit = Edit(proto)
    graph = Graph(edit.proto)
    before: dict[str, onnx.NodeProto] = {}
    for node in graph.nodes:
        scale = accumulator_scale(graph, node)
        place = None if scale is None else _bias_place(graph, node)
        if scale is None or place is None:
            continue
        owner, index = place
        bias, given = _real(graph, owner.input[index])
        if given is not None and np.allclose(given, scale.reshape(-1), rtol=1e-6, atol=0.0):
            continue
        channels = np.broadcast_to(scale, bias.shape) if scale.size in (1, bias.shape[-1] if bias.ndim else 1) else None
        if channels is None:
            continue
        values = np.rint(bias / channels)
        if np.abs(values).max(initial=0.0) >= 2**31:
            raise EspdlError.at(
                label,
                node,
                "its bias does not fit 32 bits at input scale * weights scale",
                "quantise the model again with larger weight scales; a nearly dead channel is the usual cause",
            )
        flat = scale.astype(np.float32).reshape(-1) if scale.size > 1 else np.float32(scale.reshape(()))
        known = Quantization(flat, 0, "int32", bias.ndim - 1 if scale.size > 1 else None)
        made = edit.dequantize(f"{owner.output[0]}_bias", values.astype(np.int32), known)
        before[owner.output[0]] = made
        owner.input[index] = made.output[0]
    for node in graph.nodes:
        edit.nodes += [before[node.output[0]], node] if node.output[0] in before else [node]
    return edit.finish()


def shared(proto: onnx.ModelProto) -> list[str]:
    """Sentences about integers that are the bias of several layers at several scales.

    ONNX Runtime's quantiser writes that: its QOperator form quantises a bias once for all convolutions that share it.
    """
    graph = Graph(proto)
    found: dict[str, list[tuple[onnx.NodeProto, np.ndarray]]] = {}
    for node in graph.nodes:
        bias = graph.producer.get(node.input[2]) if traits.of(node.op_type).layer and len(node.input) > 2 else None
        if bias is not None and bias.op_type == "DequantizeLinear" and graph.is_constant(bias.input[0]):
            found.setdefault(bias.input[0], []).append((node, graph.array(bias.input[1])))
    return [
        f"nodes {', '.join(repr(node.name) for node, _ in consumers)} have the same integers as their bias, at"
        " different scales: if the float model has one bias for them, give each its own and quantise again"
        for consumers in found.values()
        if any(not np.allclose(scale, consumers[0][1], rtol=1e-3) for _, scale in consumers[1:])
    ]


def accumulator_scale(graph: Graph, node: onnx.NodeProto) -> np.ndarray | None:
    """float64: input scale * weights scale; None where one of them is not quantised."""
    if not traits.of(node.op_type).layer or node.op_type == "ConvTranspose":
        return None
    data, weights = (graph.producer.get(name) for name in node.input[:2])
    if data is None or weights is None or {data.op_type, weights.op_type} != {"DequantizeLinear"}:
        return None
    if not graph.is_constant(weights.input[0]):
        return None
    return graph.array(data.input[1]).astype(np.float64) * graph.array(weights.input[1]).astype(np.float64)


def _real(graph: Graph, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """float64: the values of a bias, and its scale where it is dequantised."""
    if graph.is_constant(name):
        return graph.array(name).astype(np.float64), None
    steps, scale = (graph.array(i).astype(np.float64) for i in graph.producer[name].input[:2])
    return steps * scale, scale.reshape(-1)


def _is_constant(graph: Graph, name: str) -> bool:
    """A float constant, or integers without a zero point that are dequantised."""
    if graph.is_constant(name):
        return graph.is_float(name)
    source = graph.producer.get(name)
    if source is None or source.op_type != "DequantizeLinear" or not all(graph.is_constant(i) for i in source.input):
        return False
    return not graph.array(source.input[2]).any()


def _bias_place(graph: Graph, node: onnx.NodeProto) -> tuple[onnx.NodeProto, int] | None:
    """The node and index at which a layer's constant bias is read."""
    owner, index = node, 2
    if node.op_type == "MatMul":
        consumer = graph.only_consumer(node.output[0])
        if consumer is None or consumer.op_type != "Add":
            return None
        owner = consumer
        index = next((i for i, name in enumerate(owner.input) if _is_constant(graph, name)), len(owner.input))
    if len(owner.input) <= index or not _is_constant(graph, owner.input[index]):
        return None
    shape = _real(graph, owner.input[index])[0].shape
    return (owner, index) if shape and all(d == 1 for d in shape[:-1]) else None
