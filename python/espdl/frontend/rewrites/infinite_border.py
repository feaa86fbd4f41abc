# SPDX-License-Identifier: Apache-2.0
"""A Pad with minus infinity before a MaxPool is the border that MaxPool has by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from espdl.frontend import windows
from espdl.frontend.graph import Chain, array, is_used, operands, producer, settings, shape
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
    attributes = settings(node)
    if node.op_type == "MaxPool":
        padded_axes = windows.axes_of(node)
        if padded_axes is None or windows.is_open(node):
            return None
        axes = [replace(axis, size=size) for axis, size in zip(padded_axes, sizes[2:])]
        own = np.reshape(node.attributes.get_ints("pads") or [0] * (2 * len(axes)), (2, -1)).T.tolist()
        pads = [(low + a, high + b) for (low, high), (a, b) in zip(added[2:], own)]
        counts = [axis.count(p, bool(node.attributes.get_int("ceil_mode", 0))) for axis, p in zip(axes, pads)]
        if tuple(counts) != (shape(node.outputs[0]) or ())[2:]:
            return None
        if not all(_sees_data(*window) for window in zip(axes, pads, counts)):
            return None
        attributes["pads"] = [low for low, _ in pads] + [high for _, high in pads]
    return chain.add(node.op_type, pad.inputs[0], name=node.name, **attributes)


def _border(pad: ir.Node) -> list[tuple[int, int]] | None:
    """What a Pad adds before and after each axis; None where that is not minus infinity, or not known."""
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


def _sees_data(axis: windows.Axis, pads: tuple[int, int], count: int) -> bool:
    """Whether no window lies in the border as a whole; runtimes want borders smaller than windows, too."""
    taps = np.arange(axis.kernel) * axis.dilation
    places = np.arange(count)[:, np.newaxis] * axis.stride - pads[0] + taps
    return max(pads) < len(taps) and bool(((places >= 0) & (places < axis.size)).any(axis=1).all())
