# SPDX-License-Identifier: Apache-2.0
"""Constants brought to integers before a DequantizeLinear, as layers read them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.quantize.edit import add, part, set_nodes
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.ranges import session


def remove_copies(proto: onnx.ModelProto) -> None:
    """Identity, and the Cast(uint8 to uint8) that PyTorch's export writes between QuantizeLinear and
    DequantizeLinear."""
    graph = Graph(proto)
    renamed: dict[str, str] = {}
    kept = []
    for node in proto.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        is_copy = node.op_type == "Identity" or (
            node.op_type == "Cast" and graph.elem_type(node.input[0]) == attribute(node, "to")
        )
        if is_copy and node.output[0] not in graph.outputs:
            renamed[node.output[0]] = node.input[0]
            continue
        kept.append(node)
    set_nodes(proto, kept)


def run(proto: onnx.ModelProto, node: onnx.NodeProto, inputs: list[onnx.TensorProto]) -> list[np.ndarray]:
    """What a node of `proto` makes of constants."""
    return session(part(proto, [node], [], node.output, inputs)).run(None, {})


def move_dimensions(proto: onnx.ModelProto) -> None:
    """Transpose and Unsqueeze of dequantised constants: done to the integers instead, so that layers see their
    weights."""
    graph = Graph(proto)
    kept = []
    for node in proto.graph.node:
        source = graph.producer.get(node.input[0]) if node.op_type in ("Transpose", "Unsqueeze") else None
        if source is None or source.op_type != "DequantizeLinear" or not graph.is_constant(source.input[0]):
            kept.append(node)
            continue
        values = graph.array(source.input[0])
        order = _order(graph, node, values.ndim)
        shape = [1 if axis is None else values.shape[axis] for axis in order]
        values = values.transpose([axis for axis in order if axis is not None])
        moved = onnx.NodeProto.FromString(source.SerializeToString())
        moved.name = node.name
        moved.output[0] = node.output[0]
        moved.input[0] = add(proto, f"{node.output[0]}_values", values.reshape(shape))
        for found in moved.attribute:
            if found.name == "axis":
                found.i = order.index(found.i % values.ndim)
        kept.append(moved)
    set_nodes(proto, kept)


def _order(graph: Graph, node: onnx.NodeProto, rank: int) -> list[int | None]:
    """The axis that each axis of the result has in the operand, None for one that is new."""
    if node.op_type == "Transpose":
        return list(attribute(node, "perm", list(range(rank))[::-1]))
    new = graph.array(node.input[1])
    total = rank + new.size
    old = iter(range(rank))
    return [None if axis in new % total else next(old) for axis in range(total)]


def complete_zero_points(proto: onnx.ModelProto) -> None:
    """A missing zero point is a uint8 zero for QuantizeLinear, a zero of the input's type for DequantizeLinear."""
    graph = Graph(proto)
    written: dict[str, np.dtype] = {}
    for node in proto.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if len(node.input) > 2 and node.input[2]:
            if graph.is_constant(node.input[2]):
                written[node.output[0]] = graph.array(node.input[2]).dtype
            continue
        dtype = np.dtype(np.uint8)
        kind = attribute(node, "output_dtype", 0)
        if kind:
            dtype = helper.tensor_dtype_to_np_dtype(kind)
        if node.op_type == "DequantizeLinear":
            if graph.is_constant(node.input[0]):
                dtype = graph.array(node.input[0]).dtype
            else:
                dtype = written.get(node.input[0], dtype)
        written[node.output[0]] = dtype
        shape = graph.array(node.input[1]).shape if graph.is_constant(node.input[1]) else ()
        del node.input[2:]
        node.input.append(add(proto, f"{node.output[0]}_zero_point", np.zeros(shape, dtype)))
