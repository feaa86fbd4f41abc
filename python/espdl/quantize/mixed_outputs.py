# SPDX-License-Identifier: Apache-2.0
"""Outputs that put together what reaches differently far: boxes in pixels beside scores from 0 to 1, in one tensor.

One scale for both leaves the scores one or two integers. The concatenation at the end of the network, and what only
moves its values behind it, is done in floats then: each part has its own scale up to there, and the output is float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize.graph import Graph

# A part that has less by the scale of all, and so much more by its own, is worth it.
_POOR_DB, _GAIN_DB = 20.0, 10.0
# Elements of an output that becomes floats unasked: four times the memory, and a copy.
MOST_VALUES = 1 << 16


def concatenations(
    graph: Graph, values: Mapping[str, Sequence[np.ndarray]], rounding: Mapping[str, Quantization]
) -> Iterator[tuple[str, set[str], str]]:
    """(output, the nodes that should run in floats, the part that loses most), for each output that needs it."""
    for output in graph.outputs:
        if output not in values:
            continue
        nodes = _moves_to(graph, output)
        if nodes is None:
            continue
        concat = nodes[-1]
        losing = _losing(graph, concat, values, rounding)
        if losing:
            inner = [n for name in concat.input for n in _inner(graph, name, values, rounding)]
            yield output, {node.name for node in (*nodes, *inner)}, losing


def _moves_to(graph: Graph, name: str) -> list[onnx.NodeProto] | None:
    """From an output back to the concatenation that makes its values, which is the last."""
    found = []
    while (node := graph.producer.get(name)) is not None and traits.of(node.op_type).rearranges:
        if len(node.output) > 1:
            return None
        found.append(node)
        name = node.input[0]
    return [*found, node] if node is not None and node.op_type == "Concat" else None


def _inner(
    graph: Graph, name: str, values: Mapping[str, Sequence[np.ndarray]], rounding: Mapping[str, Quantization]
) -> Iterator[onnx.NodeProto]:
    """Concatenations inside of one, that only it reads, with the same trouble."""
    nodes = _moves_to(graph, name) if graph.only_consumer(name) is not None else None
    if nodes is None or any(graph.only_consumer(node.output[0]) is None for node in nodes):
        return
    if _losing(graph, nodes[-1], values, rounding):
        yield from nodes
        for part in nodes[-1].input:
            yield from _inner(graph, part, values, rounding)


def _losing(
    graph: Graph,
    concat: onnx.NodeProto,
    values: Mapping[str, Sequence[np.ndarray]],
    rounding: Mapping[str, Quantization],
) -> str:
    """The part to which the scale of the whole leaves least, if its own leaves it much more; '' if there is none."""
    whole = rounding[concat.output[0]]
    worst, least = "", _POOR_DB
    for name in concat.input:
        if name not in values:
            continue
        shared, own = (_decibels(values[name], scale) for scale in (whole, rounding[name]))
        if shared < least and own >= shared + _GAIN_DB:
            worst, least = name, shared
    return worst


def _decibels(values: Sequence[np.ndarray], scale: Quantization) -> float:
    noise = sum(float(((scale.fake_quantize(v).astype(np.float64) - v) ** 2).sum()) for v in values)
    signal = sum(float((v.astype(np.float64) ** 2).sum()) for v in values)
    return 10.0 * float(np.log10(signal / noise)) if noise > 0.0 and signal > 0.0 else np.inf
