# SPDX-License-Identifier: Apache-2.0
"""What onnx's version converter does not carry over from old operator sets."""

from __future__ import annotations

import onnx
from onnx import helper, version_converter

# Before, Resize and Upsample knew only these.
_RESIZE = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def convert(proto: onnx.ModelProto, given: int, wanted: int) -> onnx.ModelProto:
    """`proto` of operator set `given` in operator set `wanted`. Raises what the converter raises."""
    if given < 13 <= wanted:
        proto = _with_flat_hardmax(proto)
    result = version_converter.convert_version(proto, wanted)
    if given < 11 <= wanted:
        for node in result.graph.node:
            if node.op_type == "Resize":
                known = {a.name for a in node.attribute}
                node.attribute.extend(helper.make_attribute(n, v) for n, v in _RESIZE.items() if n not in known)
    return result


def _with_flat_hardmax(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Hardmax over all axes from one on, as it was before operator set 13, over the last axis of a matrix."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    del result.graph.node[:]
    for node in proto.graph.node:
        if node.op_type != "Hardmax":
            result.graph.node.append(node)
            continue
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        base = f"{node.output[0]}/hardmax"
        result.graph.node.extend(
            [
                helper.make_node("Shape", [node.input[0]], [f"{base}/shape"]),
                helper.make_node("Flatten", [node.input[0]], [f"{base}/flat"], axis=axis),
                helper.make_node("Hardmax", [f"{base}/flat"], [f"{base}/largest"], name=node.name, axis=1),
                helper.make_node("Reshape", [f"{base}/largest", f"{base}/shape"], [node.output[0]]),
            ]
        )
    return result
