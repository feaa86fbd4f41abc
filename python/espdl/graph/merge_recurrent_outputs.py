# SPDX-License-Identifier: Apache-2.0
"""Layers with two outputs: each matched by itself, because a composite has one result; here both are one again."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.dequantize import Dequantize
from espdl.ops.operator import Operator
from espdl.ops.recurrent import Recurrent
from espdl.passes import Pass


def apply(graph: OperatorGraph, _: GraphOptions) -> OperatorGraph:
    """`graph` with one operator for both outputs of a recurrent layer, in place of the first of them."""
    producers = graph.producers

    def sources(operator: Operator) -> list[str]:
        """What it reads; every consumer has a conversion to floats of its own."""
        found = [(t.name, producers.get(t.name)) for t in operator.inputs]
        return [m.inputs[0].name if isinstance(m, Dequantize) else name for name, m in found]

    operators: list[Operator] = []
    for operator in graph.operators:
        both = None
        for index, other in enumerate(operators):
            if isinstance(other, Recurrent) and isinstance(operator, Recurrent) and sources(other) == sources(operator):
                both = other.joined(operator)
                operators[index] = both or other
        if both is None:
            operators.append(operator)
    if len(operators) == len(graph.operators):
        return graph
    merged = replace(graph, operators=tuple(operators))
    return merged.without_unread([o for o in operators if isinstance(o, Dequantize)])


PASS = Pass("merge_recurrent_outputs", apply, leaves=("whole_layers",))
