# SPDX-License-Identifier: Apache-2.0
"""ConvTranspose with an `output_shape`: the pads that give it."""

from __future__ import annotations

import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("ConvTranspose")
def conv_transpose(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    shape, weights = scope.shape(node.input[0]), scope.shape(node.input[1])
    if "output_shape" not in attributes or shape is None or weights is None:
        return None
    wanted = attributes.pop("output_shape")[-(len(shape) - 2) :]
    late = attributes.pop("auto_pad", b"NOTSET") == b"SAME_UPPER"
    axes = len(wanted)
    strides = attributes.get("strides", [1] * axes)
    dilations = attributes.get("dilations", [1] * axes)
    extra = list(attributes.get("output_padding", [0] * axes))
    before, after = [], []
    for axis in range(axes):
        full = strides[axis] * (shape[axis + 2] - 1) + (weights[axis + 2] - 1) * dilations[axis] + 1
        surplus = full + extra[axis] - wanted[axis]
        extra[axis] += max(-surplus, 0)
        less, more = max(surplus, 0) // 2, (max(surplus, 0) + 1) // 2
        before.append(less if late else more)
        after.append(more if late else less)
    attributes |= {"pads": before + after, "output_padding": extra}
    chain = Chain(scope, node.name or node.output[0])
    chain.add("ConvTranspose", *node.input, output=node.output[0], **attributes)
    return chain.nodes
