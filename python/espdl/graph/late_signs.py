# SPDX-License-Identifier: Apache-2.0
"""The change of sign of an input comes behind what only moves its bytes: there its rows are those that the first layer
reads, and both can be computed row by row."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.graph.unsigned_ports import unsigned
from espdl.ops.flip_sign import FlipSign
from espdl.ops.operator import Operator
from espdl.ops.transpose import Transpose
from espdl.passes import Pass
from espdl.plan.types import Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` with the changes of sign of its inputs as late as that."""
    for port in graph.inputs:
        flip = graph.only_consumer(port.tensor)
        while isinstance(flip, FlipSign) and (move := _only_reader(graph, flip.outputs[0].name)) is not None:
            graph, flip = _swapped(graph, flip, move)
    return graph


def _only_reader(graph: OperatorGraph, name: str) -> Transpose | Tensor | None:
    """The permutation, or the alias, that is all that reads a tensor."""
    aliases = [alias for alias in graph.aliases if alias.alias_of == name]
    consumers: list[Operator] = graph.consumers(name)
    if len(aliases) + len(consumers) != 1 or any(port.tensor == name for port in graph.outputs):
        return None
    if aliases:
        return aliases[0]
    return consumers[0] if isinstance(consumers[0], Transpose) else None


def _swapped(graph: OperatorGraph, flip: FlipSign, move: Transpose | Tensor) -> tuple[OperatorGraph, FlipSign]:
    """`graph` with `move` in front of `flip`, and what `flip` is then."""
    if isinstance(move, Tensor):
        result = replace(move, alias_of=None, alias_offset=0).with_quantization(flip.outputs[0].quantization)
        alias = replace(unsigned(result), alias_of=flip.inputs[0].name, alias_offset=move.alias_offset)
        later = replace(flip, inputs=(alias,), outputs=(result,))
        aliases = tuple(alias if a is move else a for a in graph.aliases)
        operators = tuple(later if o is flip else o for o in graph.operators)
        return replace(graph, operators=operators, aliases=aliases), later
    result = move.outputs[0].with_quantization(flip.outputs[0].quantization)
    first = replace(move, inputs=flip.inputs, outputs=(unsigned(result),))
    later = replace(flip, inputs=first.outputs, outputs=(result,))
    new = {id(flip): first, id(move): later}
    return replace(graph, operators=tuple(new.get(id(o), o) for o in graph.operators)), later


PASS = Pass("late_signs", apply, needs=("unsigned_ports", "fused_moves"), leaves=("late_signs",))
