# SPDX-License-Identifier: Apache-2.0
"""Taps of convolutions that lie in the border for every window, as two rows of a 3 x 3 kernel over a picture of one
row: without them, weights are fewer, and neither time nor memory goes to a border of which nothing but zeros comes.

Exact: the border holds the input's zero point, or what such taps make of it is the same for every window and goes into
the bias. In a stream such taps may meet rows of other windows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.graph.types import Accept, OperatorGraph
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.operator import Operator


def without_unreached_taps(graph: OperatorGraph, accept: Accept) -> OperatorGraph:
    """`graph` with no more taps in its convolutions than from the first to the last that meet the image, where `accept`
    takes them so."""
    return replace(graph, operators=tuple(_less(operator, accept) for operator in graph.operators))


def _less(operator: Operator, accept: Accept) -> Operator:
    """Also the convolution that is part of another operator."""
    if isinstance(operator, Conv2d):
        less: Operator = reached(operator)
    elif isinstance(operator, Conv2dAdd | Conv2dPlanar):
        less = replace(operator, conv=reached(operator.conv))
    else:
        return operator
    return less if accept(less) is None else operator


def reached(conv: Conv2d) -> Conv2d:
    """`conv` without its first and last taps that meet no image; itself where there are none."""
    (x,), (y,) = conv.inputs, conv.outputs
    sizes = zip(x.shape[1:3], y.shape[1:3], conv.weights.shape[1:3])
    windows = zip(conv.strides, conv.dilations, conv.pads[:2], conv.pads[2:])
    (rows, top, bottom), (columns, left, right) = (_of_axis(*size, *window) for size, window in zip(sizes, windows))
    weights = np.ascontiguousarray(conv.weights[:, rows, columns])
    bias = conv.bias + _sums(conv.weights, conv) - _sums(weights, conv)
    if weights.shape == conv.weights.shape or np.abs(bias).max(initial=0) >= 2**31:
        return conv
    return replace(conv, weights=weights, bias=bias.astype(conv.bias.dtype), pads=(top, left, bottom, right))


def _sums(weights: np.ndarray, conv: Conv2d) -> np.ndarray | int:
    """int64 [OC]: of all taps of `weights` with the border of `conv`, beyond the input's zero point."""
    if conv.border is None:
        return 0
    return (weights.astype(np.int64) @ (conv.outside - conv.inputs[0].zero_point)).sum(axis=(1, 2))


def _of_axis(
    size: int, outputs: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> tuple[slice, int, int]:
    """Of an axis: the taps from the first to the last that some window has inside, and what border these need at its
    begin and its end.

    More taps stay where the border would be less than none, or there would be more windows.
    """
    places = np.arange(outputs)[:, np.newaxis] * stride - before + np.arange(kernel) * dilation
    inside = np.flatnonzero(((places >= 0) & (places < size)).any(axis=0))
    if len(inside) == 0:
        return slice(0, kernel), before, after
    first = min(int(inside[0]), before // dilation)
    begin = before - first * dilation
    for stop in range(int(inside[-1]) + 1, kernel):
        window = (stop - first - 1) * dilation + 1
        end = max(0, (outputs - 1) * stride + window - size - begin)
        if (size + begin + end - window) // stride + 1 == outputs:
            return slice(first, stop), begin, end
    return slice(first, kernel), begin, after
