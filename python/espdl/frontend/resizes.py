# SPDX-License-Identifier: Apache-2.0
"""Resize with scales whose product with a size is a whole number only after rounding."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, shape


def is_candidate(node: ir.Node) -> bool:
    """Whether it has scales, in the form that Resize has since operator set 11."""
    return node.op_type == "Resize" and len(node.inputs) == 3 and node.inputs[2] is not None


def settle(node: ir.Node, chain: Chain) -> bool:
    """Scales whose products all round alike, in place, where onnx infers less than what ONNX Runtime returns, which
    multiplies in float32. Whether it did so. They differ in the last bits from those that were given.
    """
    scales, sizes = array(node.inputs[2]), shape(node.inputs[0])
    crops = node.attributes.get_string("coordinate_transformation_mode") == "tf_crop_and_resize"
    if scales is None or sizes is None or node.outputs[0].shape is None or crops:
        return False
    axes = [axis % len(sizes) for axis in node.attributes.get_ints("axes", range(len(sizes)))]
    given = [np.float32(scale) for scale in scales]
    found = [_larger(s, sizes[a], int(s * np.float32(sizes[a]))) for s, a in zip(given, axes)]
    if found == given:
        return False
    node.replace_input_with(2, chain.constant(np.array(found, np.float32), "scales"))
    return True


def _larger(scale: np.float32, size: int, wanted: int) -> np.float32:
    """The first scale from this one on whose exact product with `size` is `wanted` or more."""
    while float(scale) * size < wanted:
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale
