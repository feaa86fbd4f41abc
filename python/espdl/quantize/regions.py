# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of one tensor: what lies inside of them is never stored, so that it needs no scale.

x * sigmoid(x), clip(x + 3, 0, 6) / 6, and any other graph of elementwise operators whose other operands are single
numbers, is one function of x, and later one table.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Container

import onnx

from espdl import traits
from espdl.quantize.graph import Graph


def inner_tensors(graph: Graph, fused: Container[str], roots: Container[str]) -> set[str]:
    """Tensors that lie inside of such a function.

    `fused`: tensors that lie inside of another kernel already; what reads them begins anew. `roots`: tensors that begin
    anew in any case.
    """
    fixed = set(graph.outputs) | {o for n in graph.nodes if any(i in fused for i in n.input) for o in n.output}
    while True:
        begins = {name for name in graph.activations if name in roots or name in fixed}
        origin, source = _origins(graph, begins)
        inner = {name for name in graph.activations if origin[name] != name}
        ends = {name for name in inner if not _stays_inside(graph, name, origin, source)}
        if not ends - fixed:
            return inner
        fixed |= ends


def is_function_of_one(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node computes every element of its output from one element of one activation."""
    activations = {i for i in node.input if graph.is_activation(i)}
    if len(node.output) != 1 or len(activations) != 1 or not graph.is_float(node.output[0]):
        return False
    return _is_elementwise(graph, node)


def functions(graph: Graph, begins: Collection[str]) -> dict[str, str]:
    """Per tensor that is an elementwise function of one tensor: which; `begins`: tensors that are stored."""
    return _origins(graph, set(begins))[1]


def _is_elementwise(graph: Graph, node: onnx.NodeProto) -> bool:
    known = traits.of(node.op_type)
    return known.unary or (known.elementwise and _others_are_numbers(graph, node))


def _others_are_numbers(graph: Graph, node: onnx.NodeProto) -> bool:
    constants = [i for i in node.input if i and not graph.is_activation(i)]
    return all(graph.is_constant(c) and math.prod(graph.constants[c].dims) == 1 for c in constants)


def _origins(graph: Graph, begins: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The tensor that each activation is a function of, itself where it begins anew; and what that is made of."""
    origin = {name: name for name in graph.activations}
    source: dict[str, str] = {}
    for node in graph.nodes:
        sources = {origin[i] for i in node.input if i in origin}
        if (
            not _is_elementwise(graph, node)
            or len(sources) != 1
            or len(node.output) != 1
            or node.output[0] not in origin
        ):
            continue
        name = node.output[0]
        source[name] = sources.pop()
        if name not in begins:
            origin[name] = source[name]
    return origin, source


def _stays_inside(graph: Graph, name: str, origin: dict[str, str], source: dict[str, str]) -> bool:
    consumers = graph.consumers.get(name, [])
    return bool(consumers) and all(source.get(r.output[0]) == origin[name] for r in consumers)
