# SPDX-License-Identifier: Apache-2.0
"""Integers that are read by another scale or zero point than they were written with."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.errors import present
from espdl.quantize.edit import add, set_nodes
from espdl.quantize.graph import Graph

# Tools compute one scale in several ways; further apart they mean two.
_SAME = 1e-5


def reconcile(proto: onnx.ModelProto) -> None:
    """A tensor has one grid in all later stages. A DequantizeLinear of nearly the same scale as its QuantizeLinear gets
    that; one of another reads real numbers that are scaled and shifted, exactly, onto a tensor with its grid.
    """
    graph = Graph(proto)
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        source = graph.producer.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if source is not None and source.op_type == "QuantizeLinear":
            wrote, reads = present(graph.quantization(source)), present(graph.quantization(node))
            scale, offset = np.float64(reads.scale), wrote.zero_point - reads.zero_point
            if offset == 0 and np.isclose(wrote.scale, scale, rtol=_SAME, atol=0.0):
                node.input[1] = source.input[1]
            else:
                factor, shift = np.float32(scale / wrote.scale), np.float32(offset * scale)
                nodes += _shifted(proto, source, node, factor, shift)
        nodes.append(node)
    set_nodes(proto, nodes)


def _shifted(
    proto: onnx.ModelProto, source: onnx.NodeProto, node: onnx.NodeProto, factor: np.float32, shift: np.float32
) -> list[onnx.NodeProto]:
    """The nodes between the integers of `source` and `node`, which then reads integers of its own grid."""
    base = f"{node.output[0]}/grid"
    names = [f"{base}:{step}" for step in range(4)]
    made = [
        helper.make_node("DequantizeLinear", [source.output[0], *source.input[1:]], [names[0]]),
        helper.make_node("Mul", [names[0], add(proto, f"{base}/factor", factor)], [names[1]]),
        helper.make_node("Add", [names[1], add(proto, f"{base}/shift", shift)], [names[2]]),
        helper.make_node("QuantizeLinear", [names[2], *node.input[1:]], [names[3]]),
    ]
    for step in made:
        step.name = step.output[0]
    node.input[0] = names[3]
    return made
