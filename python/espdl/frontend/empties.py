# SPDX-License-Identifier: Apache-2.0
"""Tensors without elements, such as a slice from 5 to 5: what they are is known, so that nothing need compute them."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir

from espdl.errors import EspdlError
from espdl.frontend.graph import Chain, Results, is_used, rewritten, settings, shape, static_shape

# (data, indices, updates): without updates the data stays as it is.
_UPDATES = {"ScatterElements": 2, "ScatterND": 2, "Scatter": 2, "TensorScatter": 1}


def remove(proto: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """`proto` with constants for all tensors without elements, and without them where they change nothing.

    Shapes must be inferred, and are so in the result. Raises EspdlError where an output of the model is one.
    """

    def without(node: ir.Node, chain: Chain) -> Results | None:
        for output in node.outputs:
            if output.is_graph_output() and _is_empty(output):
                raise EspdlError(
                    f"{label}: output '{output.name}'",
                    f"it has no elements: its shape is {list(static_shape(output))}",
                    "export the model without it, or with other sizes",
                )
        return _without(node, chain)

    declared = (*proto.graph.value_info, *proto.graph.output)
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim if d.HasField("dim_value")] for v in declared]
    if not any(0 in sizes for sizes in (*shapes, *(t.dims for t in proto.graph.initializer))):
        return proto
    result = rewritten(proto, without)
    return proto if result is proto else onnx.shape_inference.infer_shapes(result, data_prop=True)


def _is_empty(value: ir.Value | None) -> bool:
    return 0 in (shape(value) or ())


def _without(node: ir.Node, chain: Chain) -> Results | None:
    """`node` without the operands and results that have no elements, where they change nothing."""
    empty = [output for output in node.outputs if is_used(output) and _is_empty(output)]
    for output in empty:
        kind = np.float32 if output.dtype is None else output.dtype.numpy()
        output.replace_all_uses_with(chain.constant(np.zeros(shape(output), kind)))
    parts = [i for i in node.inputs if not _is_empty(i)]
    if node.op_type == "Concat" and 0 < len(parts) < len(node.inputs):
        return parts[0] if len(parts) == 1 else chain.add("Concat", *parts, name=node.name, **settings(node))
    if node.op_type in _UPDATES and _is_empty(node.inputs[_UPDATES[node.op_type]]):
        return node.inputs[0]
    if node.op_type == "Split" and empty:
        return _parts(node, chain)
    return () if empty else None


def _parts(split: ir.Node, chain: Chain) -> Results:
    """What takes the place of the outputs that have elements."""
    axis, kept = split.attributes.get_int("axis", 0), [o for o in split.outputs if not _is_empty(o)]
    sizes = [size for output in kept if (size := shape(output)) is not None]
    if len(kept) < 2 or len(sizes) < len(kept):
        made = [split.inputs[0]] if len(kept) == 1 else kept
    else:
        made = chain.add(
            "Split", split.inputs[0], [s[axis] for s in sizes], outputs=len(kept), name=split.name, axis=axis
        )
    places = dict(zip(kept, made))
    return [places.get(output) for output in split.outputs]
