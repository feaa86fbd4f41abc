# SPDX-License-Identifier: Apache-2.0
"""States: inputs that live on between runs, each written by the run before. They lie at the arena's end.

Where nothing reads a state behind the call that makes the next one, that call writes over it; else it is copied when
the run has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from espdl.plan import graph as graphs
from espdl.plan.graph import CallGraph, aligned
from espdl.plan.stream_types import State
from espdl.plan.types import Plan, Tensor


def with_states(plan: Plan, states: Sequence[State]) -> Plan:
    """`plan`, whose memory is assigned with inputs in it, with its states at the end."""
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    end, places = aligned(plan.arena_bytes), {}
    for state in states:
        places[graph.spans[state.input].root] = end
        if not plan.regions and _is_written_over(graph, state):  # in stripes, readers run behind the writer too
            places[state.output] = end
        end += aligned(graph.tensors[state.input].nbytes)
    held = {state.input for state in states}

    def moved(tensor: Tensor) -> Tensor:
        span = graph.spans.get(tensor.name)
        if span is None or span.root not in places:
            return tensor
        tensor = replace(tensor, offset=places[span.root] + span.start)
        return replace(tensor, source="state") if tensor.name in held else tensor

    return replace(plan, tensors=tuple(map(moved, plan.tensors)), states=tuple(states), arena_bytes=end)


def _is_written_over(graph: CallGraph, state: State) -> bool:
    """Whether the output can be where the input is: written as a whole, when nothing reads the input any more."""
    source, result = (graph.spans[name].root for name in (state.input, state.output))
    ports = [graph.spans[name].root for name in (*graph.inputs, *graph.outputs)]
    if result != state.output or ports.count(source) > 1 or ports.count(result) > 1:
        return False
    writers = [c for c in range(len(graph.calls)) if any(span.root == result for span in graph.writes(c))]
    readers = [c for c in range(len(graph.calls)) if any(span.root == source for span in graph.reads(c))]
    if len(writers) != 1 or max(readers, default=-1) > writers[0]:
        return False
    if writers[0] not in readers:
        return True
    call = graph.calls[writers[0]]
    mine = [i for i, name in enumerate(call.inputs) if graph.spans[name].root == source]
    return len(mine) == 1 and (mine[0], call.outputs.index(result)) in call.in_place
