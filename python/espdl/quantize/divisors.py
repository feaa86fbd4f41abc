# SPDX-License-Identifier: Apache-2.0
"""What something is divided by: how it is computed stays in floats, up to the quantised tensors that it is made of.

A quotient needs its divisor to a share of its value, and integers have steps of one size: the smallest deviations,
norms and sums would round to a few steps, or to 0. The division itself runs in floats anyway, and what leads to its
divisor (squares, a mean, a root) is seldom larger than what is divided; all of it becomes one loop.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import onnx

from espdl import traits
from espdl.quantize.graph import Graph


def inner_tensors(graph: Graph, begins: Container[str]) -> set[str]:
    """Tensors that lie between quantised ones and a divisor, the divisor included. `begins`: stay quantised."""
    sizes: dict[str, int] = {}  # by inner tensor: elements of the largest quotient that it serves
    for node in reversed(graph.nodes):
        name = node.output[0]
        if not traits.of(node.op_type).arithmetic or name in begins or name in graph.outputs:
            continue
        if not graph.is_activation(name):
            continue
        consumers = graph.consumers.get(name, [])
        served = [size for c in consumers if (size := _served(graph, c, name, sizes)) is not None]
        if served and len(served) == len(consumers) and graph.count(name) <= max(served):
            sizes[name] = max(served)
    return set(sizes)


def _served(graph: Graph, consumer: onnx.NodeProto, name: str, sizes: Mapping[str, int]) -> int | None:
    """Elements of the largest quotient for which `consumer` reads `name` as a divisor, or on the way to one."""
    result = consumer.output[0]
    if result in sizes:
        return sizes[result]
    divides = consumer.op_type == "Div" and consumer.input[1] == name != consumer.input[0]
    return graph.count(result) if divides and graph.is_activation(consumer.input[0]) else None
