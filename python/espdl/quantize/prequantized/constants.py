# SPDX-License-Identifier: Apache-2.0
"""What does not depend on the inputs is computed, down to DequantizeLinear of integers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.quantize.edit import add, set_nodes
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.ranges import session

# Weights stay integers with a scale.
_KEPT = {"DequantizeLinear"}


def compute(proto: onnx.ModelProto) -> None:
    """Nodes of constants become constants, except DequantizeLinear, and so do shapes that are known."""
    constants = {t.name: t for t in proto.graph.initializer}
    shapes = _static_shapes(proto)
    kept = []
    for node in proto.graph.node:
        inputs = [i for i in node.input if i]
        if node.op_type == "Shape" and inputs[0] in shapes:
            dims = shapes[inputs[0]]
            begin, end = attribute(node, "start", 0), attribute(node, "end", len(dims))
            constants[node.output[0]] = numpy_helper.from_array(np.array(dims[begin:end], np.int64), node.output[0])
            proto.graph.initializer.append(constants[node.output[0]])
            continue
        if not inputs or node.op_type in _KEPT or not all(i in constants for i in inputs):
            kept.append(node)
            continue
        for name, value in zip(node.output, run(proto, node, [constants[i] for i in dict.fromkeys(inputs)])):
            constants[name] = numpy_helper.from_array(value, name)
            proto.graph.initializer.append(constants[name])
    set_nodes(proto, kept)


def _static_shapes(proto: onnx.ModelProto) -> dict[str, list[int]]:
    graph = proto.graph
    values = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.input, *graph.output)}
    return {
        name: [d.dim_value for d in tensor.shape.dim]
        for name, tensor in values.items()
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim)
    }


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
    graph = helper.make_graph([node], "constant", [], [onnx.ValueInfoProto(name=o) for o in node.output], inputs)
    model = helper.make_model(graph, opset_imports=list(proto.opset_import), ir_version=proto.ir_version)
    return session(model).run(None, {})


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
