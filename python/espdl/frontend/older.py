# SPDX-License-Identifier: Apache-2.0
"""What onnx's version converter does not carry over from old operator sets."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import helper, version_converter

from espdl.frontend.graph import Chain, rewritten

# Before, Resize and Upsample knew only these.
_RESIZE = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def convert(proto: onnx.ModelProto, given: int, wanted: int) -> onnx.ModelProto:
    """`proto` of operator set `given` in operator set `wanted`. Raises what the converter raises."""
    if given < 13 <= wanted:
        proto = rewritten(proto, _flat_hardmax)
    result = version_converter.convert_version(proto, wanted)
    if given < 11 <= wanted:
        for node in result.graph.node:
            if node.op_type == "Resize":
                known = {a.name for a in node.attribute}
                node.attribute.extend(helper.make_attribute(n, v) for n, v in _RESIZE.items() if n not in known)
    return result


def _flat_hardmax(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Hardmax over all axes from one on, as it was before operator set 13, over the last axis of a matrix."""
    if node.op_type != "Hardmax":
        return None
    shape = chain.add("Shape", node.inputs[0])
    flat = chain.add("Flatten", node.inputs[0], axis=node.attributes.get_int("axis", 1))
    return chain.add("Reshape", chain.add("Hardmax", flat, name=node.name, axis=1), shape)
