# SPDX-License-Identifier: Apache-2.0
"""Scheme `power_of_two`: tensors without negative values use all 256 integers, stored as y - 128.

The -128 of a tensor goes into the bias of the layer that reads it, and saturation at -128 does the ReLU, so that the
kernels still see plain shifts. That is exact only where every consumer sums whole windows: a border of zeros would have
to be filled with -128, which not every kernel can.

Where the kernels take any zero point, an input of the network whose values lie on one side gets one in their middle: no
factor in a layer's weights can centre what no layer writes, and its steps would be up to twice as coarse.
"""

from __future__ import annotations

import onnx

from espdl import traits
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.network import Network

# An input has a zero point of its own where its steps become so much finer by it.
_WORTH = 0.9


def choose(network: Network, any_consumer: bool = False) -> dict[str, int]:
    """Zero points of quantised tensors that take another one than 0.

    `any_consumer`: the target's kernels fill borders with the zero point, and add tensors of any.
    """
    graph = network.graph
    weighted = {w.node.name for w in network.placement.weighted}
    result = {}
    for group in network.placement.groups:
        consumers = [node for name in group for node in graph.consumers.get(name, [])]
        producers = [graph.producer[name] for name in group if name in graph.producer]
        if not (
            all(_sums_whole_windows(graph, node, weighted, any_consumer) for node in consumers)
            and all(_may_write(node, weighted, any_consumer) for node in producers)
        ):
            continue
        low = min(network.statistics[name].range[0] for name in group)
        if low >= 0.0:
            result.update(dict.fromkeys(group, -128))
        elif any_consumer and any(name in graph.inputs for name in group):
            high = max(network.statistics[name].range[1] for name in group)
            result.update(dict.fromkeys(group, _centred(low, high)))
    return result


def _centred(low: float, high: float) -> int:
    """The zero point with which values from `low` < 0 to `high` have the finest steps; 0 where that gains little."""

    def step(zero_point: int) -> float:
        return max(high / (127 - zero_point), -low / (128 + zero_point))

    best = min(range(-127, 127), key=step)
    return best if step(best) < _WORTH * step(0) else 0


def _sums_whole_windows(graph: Graph, node: onnx.NodeProto, weighted: set[str], any_consumer: bool) -> bool:
    if _windows(node):
        padded = attribute(node, "auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or any(attribute(node, "pads", []))
        return (any_consumer or not padded) and (node.op_type != "Conv" or node.name in weighted)
    return node.name in weighted or _keeps(node) or (any_consumer and node.op_type == "Add")


def _keeps(node: onnx.NodeProto) -> bool:
    """Whether it keeps or averages values, or reads them through a table."""
    known = traits.of(node.op_type)
    return known.rearranges or known.table or known.picks or (known.averages and not _windows(node))


def _windows(node: onnx.NodeProto) -> bool:
    """Whether it sums windows, which begin with zeros where there is padding. (A maximum ignores its border.)"""
    known = traits.of(node.op_type)
    return node.op_type == "Conv" or (known.averages and known.rows == "window")


def _may_write(node: onnx.NodeProto, weighted: set[str], any_consumer: bool) -> bool:
    return node.name in weighted or _keeps(node) or _windows(node) or (any_consumer and node.op_type == "Add")
