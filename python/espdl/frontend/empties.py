# SPDX-License-Identifier: Apache-2.0
"""Tensors without elements, such as a slice from 5 to 5: what they are is known, so that nothing need compute them."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.errors import EspdlError
from espdl.frontend.rewrites.scope import Scope

# (data, indices, updates): without updates the data stays as it is.
_UPDATES = {"ScatterElements": 2, "ScatterND": 2, "Scatter": 2, "TensorScatter": 1}


def remove(proto: onnx.ModelProto, label: str) -> None:
    """Makes constants of all tensors without elements, in place, and takes them out of what they change nothing of.

    Shapes must be inferred. Raises EspdlError where an output of the model is one.
    """
    scope = Scope(proto)
    names = dict.fromkeys(
        (*(o for n in proto.graph.node for o in n.output if o), *(o.name for o in proto.graph.output))
    )
    empty = {name: shape for name in names if (shape := scope.shape(name)) is not None and math.prod(shape) == 0}
    for output in proto.graph.output:
        if output.name in empty:
            raise EspdlError(
                f"{label}: output '{output.name}'",
                f"it has no elements: its shape is {list(empty[output.name])}",
                "export the model without it, or with other sizes",
            )
    held = {t.name for t in proto.graph.initializer if 0 in t.dims}
    if not empty and not held:
        return
    nodes = []
    for node in proto.graph.node:
        if any(o in empty for o in node.output) and all(o in empty or not scope.is_used(o) for o in node.output):
            continue
        nodes.append(_without(node, held | set(empty), scope))
    for name, shape in empty.items():
        kind = helper.tensor_dtype_to_np_dtype(scope.dtype(name) or onnx.TensorProto.FLOAT)
        proto.graph.initializer.append(numpy_helper.from_array(np.zeros(shape, kind), name))
    scope.replace_nodes(nodes)


def _without(node: onnx.NodeProto, empty: set[str], scope: Scope) -> onnx.NodeProto:
    """`node` without the operands and results that have no elements, where they change nothing."""
    if node.op_type == "Concat":
        parts = [i for i in node.input if i not in empty]
        if len(parts) == 1 < len(node.input):
            return _identity(parts[0], node.output[0], node)
        if 0 < len(parts) < len(node.input):
            node.input[:] = parts
    elif node.op_type == "Split" and any(o in empty for o in node.output):
        return _without_parts(node, empty, scope)
    elif node.op_type in _UPDATES and node.input[_UPDATES[node.op_type]] in empty:
        return _identity(node.input[0], node.output[0], node)
    else:
        node.output[:] = ["" if o in empty else o for o in node.output]
    return node


def _without_parts(node: onnx.NodeProto, empty: set[str], scope: Scope) -> onnx.NodeProto:
    """A Split into its parts that have elements."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    parts = [o for o in node.output if o not in empty]
    if len(parts) == 1:
        return _identity(node.input[0], parts[0], node)
    shapes = [scope.shape(o) for o in parts]
    if any(shape is None for shape in shapes):
        return node
    sizes = scope.constant(np.array([shape[axis] for shape in shapes], np.int64), f"{parts[0]}/sizes")
    return helper.make_node("Split", [node.input[0], sizes], parts, name=node.name, axis=axis)


def _identity(source: str, result: str, node: onnx.NodeProto) -> onnx.NodeProto:
    return helper.make_node("Identity", [source], [result], name=node.name)
