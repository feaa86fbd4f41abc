# SPDX-License-Identifier: Apache-2.0
"""A Pad with minus infinity before a MaxPool is the border that MaxPool has by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, is_used, operands, producer, shape, values
from espdl.frontend.rewrites import rewrite


@rewrite("MaxPool", "GlobalMaxPool")
def padded(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Only where no window lies in the border, and where nobody asks for places, which count from the border's edge."""
    pad = producer(node.inputs[0], "Pad")
    if pad is None or any(is_used(output) for output in node.outputs[1:]):
        return None
    sizes, added = shape(pad.inputs[0]), _border(pad)
    if sizes is None or added is None or any(low or high for low, high in added[:2]):
        return None
    attributes = values(node)
    if node.op_type == "MaxPool":
        own = _own_pads(attributes, len(sizes) - 2)
        if own is None:
            return None
        both = [(low + a, high + b) for (low, high), (a, b) in zip(added[2:], own)]
        counts = [_size(attributes, axis, sizes[axis + 2], pads) for axis, pads in enumerate(both)]
        if tuple(counts) != (shape(node.outputs[0]) or ())[2:]:
            return None
        if not all(_sees_data(attributes, axis, sizes[axis + 2], both[axis], counts[axis]) for axis in range(len(own))):
            return None
        attributes.pop("auto_pad", None)
        attributes["pads"] = [low for low, _ in both] + [high for _, high in both]
    return chain.add(node.op_type, pad.inputs[0], name=node.name, **attributes)


def _border(pad: ir.Node) -> list[tuple[int, int]] | None:
    """What a Pad adds before and behind each axis; None where that is not minus infinity, or not known."""
    pads, fill, axes = (array(value) for value in operands(pad, 4)[1:])
    sizes, constant = shape(pad.inputs[0]), pad.attributes.get_string("mode", "constant") == "constant"
    if not constant or sizes is None or pads is None or fill is None or (len(pad.inputs) > 3 and axes is None):
        return None
    if not float(fill.reshape(())) <= float(np.finfo(np.float32).min) or (pads < 0).any():
        return None
    result = [(0, 0)] * len(sizes)
    for axis, low, high in zip(range(len(sizes)) if axes is None else axes.tolist(), *np.split(pads, 2)):
        result[axis] = int(low), int(high)
    return result


def _own_pads(attributes: dict[str, Any], axes: int) -> list[tuple[int, int]] | None:
    automatic = attributes.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID"):
        return None
    pads = list(attributes.get("pads", [])) if automatic == "NOTSET" else []
    pads = pads or [0] * (2 * axes)
    return list(zip(pads[:axes], pads[axes:]))


def _window(attributes: dict[str, Any], axis: int) -> tuple[int, np.ndarray]:
    """The stride, and the places of a window's values from its first."""
    stride, dilation = ((attributes.get(name) or [1] * (axis + 1))[axis] for name in ("strides", "dilations"))
    return stride, np.arange(attributes["kernel_shape"][axis]) * dilation


def _sees_data(attributes: dict[str, Any], axis: int, size: int, pads: tuple[int, int], count: int) -> bool:
    """Whether no window lies in the border as a whole; runtimes want borders smaller than windows, too."""
    stride, taps = _window(attributes, axis)
    places = np.arange(count)[:, np.newaxis] * stride - pads[0] + taps
    return max(pads) < len(taps) and bool(((places >= 0) & (places < size)).any(axis=1).all())


def _size(attributes: dict[str, Any], axis: int, size: int, pads: tuple[int, int]) -> int:
    """The length of the output with these pads; a window that would begin in the border behind is none."""
    stride, taps = _window(attributes, axis)
    steps = (size + sum(pads) - taps[-1] - 1) / stride
    if not attributes.get("ceil_mode", 0):
        return math.floor(steps) + 1
    count = math.ceil(steps) + 1
    return count - 1 if (count - 1) * stride >= size + pads[0] else count
