# SPDX-License-Identifier: Apache-2.0
"""Layers with two outputs: each matched by itself, because a composite has one result; here both are one again."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import OperatorGraph, by_output
from espdl.ops.operator import Operator
from espdl.ops.recurrent import Recurrent

_DEQUANTIZE = ("dequantize", "dequantize_int16")


def apply(graph: OperatorGraph) -> OperatorGraph:
    """`graph` with one operator for both outputs of a recurrent layer, in place of the first of them."""
    makers = by_output(graph.operators)

    def sources(operator: Operator) -> list[str]:
        """What it reads; every reader has a conversion to floats of its own."""
        found = [(t.name, makers.get(t.name)) for t in operator.inputs]
        return [m.inputs[0].name if m is not None and m.name in _DEQUANTIZE else name for name, m in found]

    operators: list[Operator] = []
    for operator in graph.operators:
        both = None
        for index, other in enumerate(operators):
            if isinstance(other, Recurrent) and isinstance(operator, Recurrent) and sources(other) == sources(operator):
                both = other.joined(operator)
                operators[index] = both or other
        if both is None:
            operators.append(operator)
    return graph if len(operators) == len(graph.operators) else replace(graph, operators=_read(graph, operators))


def _read(graph: OperatorGraph, operators: list[Operator]) -> tuple[Operator, ...]:
    """`operators` without conversions to floats that nobody reads any more."""
    read = {t.name for operator in operators for t in operator.inputs}
    read |= {port.tensor for port in graph.outputs} | {a.alias_of for a in graph.aliases}
    return tuple(o for o in operators if o.name not in _DEQUANTIZE or any(t.name in read for t in o.outputs))
