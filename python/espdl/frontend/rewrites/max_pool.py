# SPDX-License-Identifier: Apache-2.0
"""MaxPool whose second output is read, the places of the maxima, and MaxUnpool, which writes to such places."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("MaxPool")
def places(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """The values by a pool as ever, the places by the largest of what is gathered for each window."""
    if len(node.output) < 2:
        return None
    shape, wanted = scope.shape(node.input[0]), scope.shape(node.output[0] or node.output[1])
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    by_columns = bool(attributes.pop("storage_order", 0))
    chain = Chain(scope, node.name or node.output[0] or node.output[1])
    read = scope.is_used(node.output[1])
    if read and (shape is None or wanted is None):
        return None
    if scope.is_used(node.output[0]) or not read:
        chain.add("MaxPool", node.input[0], output=node.output[0] or None, **attributes)
    if not read:
        return chain.nodes
    table, number = _windows(shape[2:], wanted[2:], attributes, by_columns)
    count, taps = table.shape
    area = int(np.prod(shape[2:]))
    flat = chain.add("Reshape", node.input[0], chain.constant([*shape[:2], area], np.int64))
    gathered = chain.add("Gather", flat, chain.constant(table, np.int64), axis=2)
    best = chain.add("ArgMax", gathered, axis=3, keepdims=0)
    best = chain.add("Add", best, chain.constant(np.arange(count) * taps, np.int64))
    found = chain.add("Gather", chain.constant(number[table].reshape(-1), np.int64), best, axis=0)
    planes = np.arange(shape[0] * shape[1]).reshape(*shape[:2], 1) * area
    found = chain.add("Add", found, chain.constant(planes, np.int64))
    chain.add("Reshape", found, chain.constant(wanted, np.int64), output=node.output[1])
    return chain.nodes


def _windows(shape, wanted, attributes, by_columns: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which values of a plane each window holds [windows, taps], and the number that ONNX gives each value.

    In the place of a tap that lies outside stands the first that does not: it is as large, and the same place.
    """
    rank = len(shape)
    kernel = attributes["kernel_shape"]
    strides, dilations = (attributes.get(name, [1] * rank) for name in ("strides", "dilations"))
    pads = attributes.get("pads", [0] * (2 * rank))
    lines = [
        np.arange(wanted[a])[:, None] * strides[a] - pads[a] + np.arange(kernel[a]) * dilations[a] for a in range(rank)
    ]
    flat = np.zeros((1, 1), np.int64)
    inside = np.ones((1, 1), bool)
    for line, size in zip(lines, shape):
        flat = (flat[:, None, :, None] * size + line[None, :, None, :]).reshape(len(flat) * len(line), -1)
        valid = (line >= 0) & (line < size)
        inside = (inside[:, None, :, None] & valid[None, :, None, :]).reshape(flat.shape)
    first = np.take_along_axis(flat, inside.argmax(axis=1)[:, None], axis=1)
    area = int(np.prod(shape))
    number = np.arange(area)
    if by_columns:
        number = number.reshape(shape[::-1]).transpose().reshape(-1)
    return np.clip(np.where(inside, flat, first), 0, area - 1), number


@rewrite("MaxUnpool")
def unpool(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Zeros with the values at their places, which count in the shape that is given, as ONNX Runtime counts them."""
    shape = scope.shape(node.input[0])
    given = scope.array(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if shape is None or (given is None and len(node.input) > 2 and node.input[2]):
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    rank = len(shape) - 2
    kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1] * rank)
    pads = attributes.get("pads", [0] * (2 * rank))
    wanted = [
        *shape[:2],
        *((shape[a + 2] - 1) * strides[a] + kernel[a] - pads[a] - pads[a + rank] for a in range(rank)),
    ]
    if given is not None:
        wanted = given.tolist()
    chain = Chain(scope, node.name or node.output[0])
    line = chain.constant([-1], np.int64)
    values, numbers = (chain.add("Reshape", name, line) for name in node.input[:2])
    zeros = chain.constant(np.zeros(int(np.prod(wanted))))
    written = chain.add("ScatterElements", zeros, numbers, values, axis=0)
    chain.add("Reshape", written, chain.constant(wanted, np.int64), output=node.output[0])
    return chain.nodes
