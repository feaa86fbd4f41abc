# SPDX-License-Identifier: Apache-2.0
"""Moves that the operator after them does itself: a convolution reads channels first, a window pads its input.

Exact: the values that the operator computes with stay the same, only the copy that the move would make goes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from espdl.errors import present
from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.flip_sign import FlipSign
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad
from espdl.ops.transpose import Transpose
from espdl.passes import Pass
from espdl.plan.types import Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` without moves whose result only one operator reads, where `options.accept` takes it without them.

    Bytes that the application has must change their sign before a convolution reads them: row by row, once they are
    channels last.
    """
    signs = {t.name for o in graph.operators if options.at_caller and isinstance(o, FlipSign) for t in o.outputs}
    for merge in (_channels_first, _with_border):
        for move in graph.operators:
            consumer = graph.only_consumer(move.outputs[0].name) if isinstance(move, Transpose | Pad) else None
            stays = consumer is None or (merge is _channels_first and move.inputs[0].name in signs)
            merged = None if stays else merge(move, present(consumer))
            if merged is not None and options.accept(merged) is None:
                kept = (merged if o is consumer else o for o in graph.operators if o is not move)
                graph = replace(graph, operators=tuple(kept))
    return graph


def _channels_first(move: Operator, consumer: Operator) -> Operator | None:
    if not (isinstance(move, Transpose) and isinstance(consumer, Conv2d)) or tuple(move.axes) != (0, 2, 3, 1):
        return None
    (x,) = move.inputs
    nodes = (*move.source_nodes, *consumer.source_nodes)
    return Conv2dPlanar((_instead(consumer.inputs[0], x),), consumer.outputs, nodes, consumer)


def _with_border(move: Operator, consumer: Operator) -> Operator | None:
    if not isinstance(move, Pad) or len(move.inputs[0].shape) != 4:
        return None
    (x,), value, widths = move.inputs, move.value, move.widths
    source = _instead(consumer.inputs[0], x)
    nodes = (*move.source_nodes, *consumer.source_nodes)
    if isinstance(consumer, Conv2dPlanar) and (consumer.conv.outside == value).all():
        channels_last = replace(consumer.conv.inputs[0], shape=tuple(x.shape[i] for i in (0, 2, 3, 1)))
        border = _border([widths[i] for i in (0, 2, 3, 1)], consumer.conv.pads)
        conv = None if border is None else replace(consumer.conv, inputs=(channels_last,), pads=border)
        return conv and replace(consumer, inputs=(source,), source_nodes=nodes, conv=conv)
    border = _border(widths, getattr(consumer, "pads", (0, 0, 0, 0)))
    if border is None:
        return None
    changes: dict[str, Any] = {"inputs": (source,), "source_nodes": nodes, "pads": border}
    if isinstance(consumer, Conv2d) and (consumer.outside == value).all():
        return replace(consumer, **changes)
    if isinstance(consumer, MaxPool2d) and value == -128:  # never larger than what is in the window
        return replace(consumer, **changes)
    if isinstance(consumer, AveragePool2d) and value == source.zero_point and not any(consumer.pads):
        _, height, width, channels = x.shape
        return replace(consumer, **changes, image=(height, width, channels), count_include_pad=True)
    return None


def _border(widths: list[tuple[int, int]], pads: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """`pads` (top, left, bottom, right) and a border of (before, after) per axis of NHWC; None where it has others."""
    (batch, rows, columns, channels) = widths
    if any(batch) or any(channels) or min(*rows, *columns) < 0:
        return None
    return (pads[0] + rows[0], pads[1] + columns[0], pads[2] + rows[1], pads[3] + columns[1])


def _instead(tensor: Tensor, source: Tensor) -> Tensor:
    """`source` with the scale of `tensor`: who moves data does not know it."""
    return replace(tensor, name=source.name, shape=source.shape)


PASS = Pass("fuse_pad_and_transpose", apply, needs=("one_image",), leaves=("fused_moves",))
