# SPDX-License-Identifier: Apache-2.0
"""MaxPool whose second output is read, the places of the maxima, and MaxUnpool, which writes to such places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, Results, array, is_used, operands, settings, shape, values
from espdl.frontend.rewrites import rewrite


@rewrite("MaxPool")
def places(node: ir.Node, chain: Chain) -> Results | None:
    """The values by a pool as ever, the places by the largest of what is gathered for each window."""
    if len(node.outputs) < 2:
        return None
    largest, found = node.outputs
    sizes, wanted = shape(node.inputs[0]), shape(largest if largest.name else found)
    attributes = settings(node, "storage_order")
    by_columns = bool(node.attributes.get_int("storage_order", 0))
    if not is_used(found):
        return [chain.add("MaxPool", node.inputs[0], **attributes), None]
    if sizes is None or wanted is None:
        return None
    pooled = chain.add("MaxPool", node.inputs[0], **attributes) if is_used(largest) else None
    return [pooled, _places(node, chain, sizes, wanted, by_columns)]


def _places(node: ir.Node, chain: Chain, sizes: tuple[int, ...], wanted: tuple[int, ...], by_columns: bool) -> ir.Value:
    table, number = _windows(sizes[2:], wanted[2:], values(node), by_columns)
    count, taps = table.shape
    area = int(np.prod(sizes[2:]))
    gathered = chain.add("Gather", chain.add("Reshape", node.inputs[0], [*sizes[:2], area]), table, axis=2)
    best = chain.add("Add", chain.add("ArgMax", gathered, axis=3, keepdims=0), np.arange(count) * taps)
    found = chain.add("Gather", number[table].reshape(-1), best, axis=0)
    found = chain.add("Add", found, np.arange(sizes[0] * sizes[1]).reshape(*sizes[:2], 1) * area)
    return chain.add("Reshape", found, wanted)


def _windows(
    sizes: Sequence[int], wanted: Sequence[int], attributes: Mapping[str, Any], by_columns: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which values of a plane each window holds [windows, taps], and the number that ONNX gives each value.

    In the place of a tap that lies outside stands the first that does not: it is as large, and the same place.
    """
    rank = len(sizes)
    kernel = attributes["kernel_shape"]
    strides, dilations = (attributes.get(name, [1] * rank) for name in ("strides", "dilations"))
    pads = attributes.get("pads", [0] * (2 * rank))
    lines = [
        np.arange(wanted[a])[:, None] * strides[a] - pads[a] + np.arange(kernel[a]) * dilations[a] for a in range(rank)
    ]
    flat = np.zeros((1, 1), np.int64)
    inside = np.ones((1, 1), bool)
    for line, size in zip(lines, sizes):
        flat = (flat[:, None, :, None] * size + line[None, :, None, :]).reshape(len(flat) * len(line), -1)
        valid = (line >= 0) & (line < size)
        inside = (inside[:, None, :, None] & valid[None, :, None, :]).reshape(flat.shape)
    first = np.take_along_axis(flat, inside.argmax(axis=1)[:, None], axis=1)
    area = int(np.prod(sizes))
    number = np.arange(area)
    if by_columns:
        number = number.reshape(sizes[::-1]).transpose().reshape(-1)
    return np.clip(np.where(inside, flat, first), 0, area - 1), number


@rewrite("MaxUnpool")
def unpool(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Zeros with the values at their places, which count in the shape that is given, as ONNX Runtime counts them."""
    data, numbers, given = operands(node, 3)
    sizes, known = shape(data), array(given)
    if sizes is None or (given is not None and known is None):
        return None
    attributes, rank = values(node), len(sizes) - 2
    kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1] * rank)
    pads = attributes.get("pads", [0] * (2 * rank))
    inner = ((sizes[a + 2] - 1) * strides[a] + kernel[a] - pads[a] - pads[a + rank] for a in range(rank))
    wanted = [*sizes[:2], *inner] if known is None else known.tolist()
    data, numbers = (chain.add("Reshape", value, [-1]) for value in (data, numbers))
    written = chain.add("ScatterElements", np.zeros(int(np.prod(wanted))), numbers, data, axis=0)
    return chain.add("Reshape", written, wanted)
