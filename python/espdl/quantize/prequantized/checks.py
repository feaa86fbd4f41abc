# SPDX-License-Identifier: Apache-2.0
"""What cannot be taken as it is, with the reason."""

from __future__ import annotations

import numpy as np
import onnx

from espdl.errors import EspdlError
from espdl.quantize.graph import Graph, attribute
from espdl.wording import option

# int32 is for biases.
_TAKEN = {"int8", "int16", "uint8"}


def has_fixed_scales(proto: onnx.ModelProto) -> bool:
    """Whether all scales and zero points are constants; where some are not, the model can still run in floats."""
    graph = Graph(proto)
    ends = (n for n in graph.nodes if n.op_type in ("QuantizeLinear", "DequantizeLinear"))
    return all(graph.is_constant(name) for node in ends for name in node.input[1:] if name)


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first node that cannot be taken."""
    graph = Graph(proto)
    for node in graph.nodes:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if not all(graph.is_constant(name) for name in node.input[1:]):
            raise EspdlError.at(label, node, "its scale is computed at run time", "use static quantisation")
        scale, zero_point = graph.array(node.input[1]), graph.array(node.input[2])
        taken = _TAKEN | ({"int32"} if graph.is_constant(node.input[0]) else set())
        if str(zero_point.dtype) not in taken or attribute(node, "block_size", 0):
            raise EspdlError.at(
                label,
                node,
                f"its integers are {zero_point.dtype}{' in blocks' if attribute(node, 'block_size', 0) else ''}",
                "quantise to int8 (or int16 activations), or pass the float model, with"
                f" {option('precision', 'int16x8')} for 16 bits",
            )
        producer = _producer(graph, node)
        if producer is not None:
            raise EspdlError.at(
                label,
                node,
                f"its integers are made by node '{producer.name}' ({producer.op_type}) and not by a QuantizeLinear, so"
                " that nothing says what they stand for",
                "write that part of the model with QuantizeLinear, or pass the float model",
            )
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise EspdlError.at(label, node, "its scale is not positive and finite", "quantise the model again")
        if scale.size > 1 and not graph.is_constant(node.input[0]):
            raise EspdlError.at(
                label,
                node,
                "an activation has one scale per channel",
                "quantise activations per tensor; only weights can have one scale per channel",
            )


def _producer(graph: Graph, dequantize: onnx.NodeProto) -> onnx.NodeProto | None:
    """The node that the integers of a DequantizeLinear come from, where that is no QuantizeLinear and no constant."""
    if dequantize.op_type != "DequantizeLinear":
        return None
    last = None
    node = graph.producer.get(dequantize.input[0])
    while node is not None and node.op_type != "QuantizeLinear":
        last, node = node, graph.producer.get(node.input[0]) if node.input else None
        if last.op_type == "Cast":
            return last
    return None if node is not None else last
