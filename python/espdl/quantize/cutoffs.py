# SPDX-License-Identifier: Apache-2.0
"""Which of a tensor's values its consumers tell apart: a ReLU knows no two negative ones, so that they need no range.

A scale that ends where the consumers cut off spends no step on what is lost anyway, and what saturates there saturates
to the same result.
"""

from __future__ import annotations

import math

import numpy as np
import onnx

from espdl import traits
from espdl.quantize.graph import Graph, attribute

Bounds = tuple[float, float]
_ALL: Bounds = (-math.inf, math.inf)
# The integers' range may end half a step early, where a function with a slope there is not yet what it is at its end.
_BEYOND = 1.02


def bounds(graph: Graph) -> dict[str, Bounds]:
    """(low, high) of activations all of whose consumers make nothing of what lies outside."""
    found: dict[str, Bounds] = {}
    for name in reversed(graph.activations):
        consumers = graph.consumers.get(name, [])
        if name in graph.outputs or not consumers or not graph.is_float(name):
            continue
        wanted = [_wanted(graph, consumer, name, found) for consumer in consumers]
        low, high = min(w[0] for w in wanted), max(w[1] for w in wanted)
        if low < high and (low, high) != _ALL:
            found[name] = low, high
    return found


def _wanted(graph: Graph, node: onnx.NodeProto, name: str, found: dict[str, Bounds]) -> Bounds:
    """What a consumer tells apart."""
    kind = node.op_type
    if kind == "Relu":
        return 0.0, math.inf
    if kind == "Mul":  # x * HardSigmoid(x), which is HardSwish
        other = graph.producer.get(node.input[1] if node.input[0] == name else node.input[0])
        if other is None or other.op_type != "HardSigmoid" or other.input[0] != name:
            return _ALL
        return _wanted(graph, other, name, found)[0], math.inf
    if kind == "HardSigmoid":
        alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
        inside = alpha > 0.0 and 0.0 <= beta <= 1.0
        return (-beta / alpha * _BEYOND, (1.0 - beta) / alpha * _BEYOND) if inside else _ALL
    if kind == "Clip":
        ends = [*node.input[1:3], "", ""][:2]
        if name in ends or not all(graph.is_constant(e) for e in ends if e):
            return _ALL
        low, high = (float(graph.array(e).item()) if e else end for e, end in zip(ends, _ALL))
        return low, high
    # Cutting off and moving (picking the largest, too) may change places; a mean of neighbours may not.
    if kind != "Cast" and not traits.of(kind).keeps_values:
        return _ALL
    after = [found.get(o, _ALL) for o in node.output if o and (o in graph.consumers or o in graph.outputs)]
    return (min(b[0] for b in after), max(b[1] for b in after)) if after else _ALL


def cut(values: np.ndarray, within: Bounds | None) -> np.ndarray:
    """`values` as the consumers see them."""
    return values if within is None else np.clip(values, *np.asarray(within, np.float32))
