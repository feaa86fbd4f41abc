# SPDX-License-Identifier: Apache-2.0
"""Layers with two outputs: each matched by itself, because a composite has one result; here both are one again."""

from __future__ import annotations

from dataclasses import replace

from espdl.ops.recurrent import Recurrent
from espdl.partition.graph import Graph


def apply(graph: Graph) -> Graph:
    """`graph` with one operator for both outputs of a recurrent layer, in place of the first of them."""
    operators: list = []
    for operator in graph.operators:
        found = [(i, o.joined(operator)) for i, o in enumerate(operators) if isinstance(o, Recurrent)]
        index, both = next(((i, both) for i, both in found if both is not None), (-1, None))
        if both is None:
            operators.append(operator)
        else:
            operators[index] = both
    return replace(graph, operators=tuple(operators))
