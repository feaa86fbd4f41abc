# SPDX-License-Identifier: Apache-2.0
"""Moves that the operator behind them does itself: a convolution reads channels first, a window pads its input.

Exact: the values that the operator computes with stay the same, only the copy that the move would make goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from espdl.graph.types import Accept, OperatorGraph
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad
from espdl.ops.transpose import Transpose
from espdl.plan.types import Tensor

# (the move, its only reader) -> both in one, or None where that is not the same.
Merge = Callable[[Operator, Operator], Operator | None]


def apply(graph: OperatorGraph, accept: Accept) -> OperatorGraph:
    """`graph` without moves whose result only one operator reads, which `accept` takes without them."""
    for merge in (_channels_first, _with_border):
        for move in graph.operators:
            reader = _only_reader(graph, move)
            merged = merge(move, reader) if reader is not None else None
            if merged is not None and accept(merged) is None:
                kept = (merged if o is reader else o for o in graph.operators if o is not move)
                graph = replace(graph, operators=tuple(kept))
    return graph


def _only_reader(graph: OperatorGraph, operator: Operator) -> Operator | None:
    """Who reads the operator's only result, if it is one operator and nothing else sees that result."""
    names = [t.name for t in operator.outputs]
    readers = [o for o in graph.operators for t in o.inputs if t.name in names]
    is_seen = any(p.tensor in names for p in graph.outputs) or any(a.alias_of in names for a in graph.aliases)
    return readers[0] if len(names) == len(readers) == 1 and not is_seen else None


def _channels_first(move: Operator, reader: Operator) -> Operator | None:
    if not isinstance(move, Transpose) or not isinstance(reader, Conv2d) or tuple(move.axes) != (0, 2, 3, 1):
        return None
    (x,) = move.inputs
    return Conv2dPlanar(
        (_instead(reader.inputs[0], x),), reader.outputs, (*move.source_nodes, *reader.source_nodes), reader
    )


def _with_border(move: Operator, reader: Operator) -> Operator | None:
    if not isinstance(move, Pad) or len(move.inputs[0].shape) != 4:
        return None
    (x,), value, widths = move.inputs, move.value, move.widths
    source = _instead(reader.inputs[0], x)
    nodes = (*move.source_nodes, *reader.source_nodes)
    if isinstance(reader, Conv2dPlanar) and value == source.zero_point:
        channels_last = replace(reader.conv.inputs[0], shape=tuple(x.shape[i] for i in (0, 2, 3, 1)))
        border = _border([widths[i] for i in (0, 2, 3, 1)], reader.conv.pads)
        conv = None if border is None else replace(reader.conv, inputs=(channels_last,), pads=border)
        return conv and replace(reader, inputs=(source,), source_nodes=nodes, conv=conv)
    border = _border(widths, getattr(reader, "pads", (0, 0, 0, 0)))
    if border is None:
        return None
    changes = {"inputs": (source,), "source_nodes": nodes, "pads": border}
    if isinstance(reader, Conv2d) and value == source.zero_point:
        return replace(reader, **changes)
    if isinstance(reader, MaxPool2d) and value == -128:  # never larger than what is in the window
        return replace(reader, **changes)
    if isinstance(reader, AveragePool2d) and value == source.zero_point and not any(reader.pads):
        return replace(reader, **changes, image=x.shape[1:], count_include_pad=True)
    return None


def _border(widths: list[tuple[int, int]], pads: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """`pads` (top, left, bottom, right) and a border of (before, behind) per axis of NHWC; None where it has others."""
    (batch, rows, columns, channels) = widths
    if any(batch) or any(channels) or min(*rows, *columns) < 0:
        return None
    return (pads[0] + rows[0], pads[1] + columns[0], pads[2] + rows[1], pads[3] + columns[1])


def _instead(tensor: Tensor, source: Tensor) -> Tensor:
    """`source` with the scale of `tensor`: who moves data does not know it."""
    return replace(tensor, name=source.name, shape=source.shape)
