# SPDX-License-Identifier: Apache-2.0
"""Resize with scales whose product with a size is a whole number only after rounding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.frontend.names import Names
from espdl.frontend.shapes import Shape


def is_candidate(node: onnx.NodeProto) -> bool:
    """Whether it has scales, in the form that Resize has since operator set 11."""
    return node.op_type == "Resize" and len(node.input) == 3 and bool(node.input[2])


def settle(node: onnx.NodeProto, shapes: Mapping[str, Shape], proto: onnx.ModelProto) -> bool:
    """Scales whose products all round alike, in place, where onnx infers less than what ONNX Runtime returns, which
    multiplies in float32. Whether it did so. They differ in the last bits from those that were given.
    """
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    scales = _constant(node.input[2], proto)
    shape, inferred = shapes.get(node.input[0]), shapes.get(node.output[0])
    if scales is None or shape is None or inferred is None or None in shape:
        return False
    if attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize":
        return False
    axes = [axis % len(shape) for axis in attributes.get("axes", range(len(shape)))]
    given = [np.float32(scale) for scale in scales]
    found = [_larger(s, shape[a], int(s * np.float32(shape[a]))) for s, a in zip(given, axes)]
    if found == given:
        return False
    name = Names.of(proto).unique(f"{node.output[0]}/scales")
    proto.graph.initializer.append(numpy_helper.from_array(np.array(found, np.float32), name))
    node.input[2] = name
    return True


def _larger(scale: np.float32, size: int, wanted: int) -> np.float32:
    """The first scale from this one on whose exact product with `size` is `wanted` or more."""
    while float(scale) * size < wanted:
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale


def _constant(name: str, proto: onnx.ModelProto) -> np.ndarray | None:
    for tensor in proto.graph.initializer:
        if tensor.name == name:
            return numpy_helper.to_array(tensor)
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            value = next((a.t for a in node.attribute if a.name == "value"), None)
            return None if value is None else numpy_helper.to_array(value)
    return None
