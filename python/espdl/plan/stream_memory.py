# SPDX-License-Identifier: Apache-2.0
"""Memory of a network that computes a stream: what lives on between pushes lies at the arena's end, behind the rest.

For the rest, `espdl.plan.memory` places the network as if tensors of the stream had no more rows than a push computes,
and as if those that persist were nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from espdl.errors import present
from espdl.plan import graph as graphs
from espdl.plan import memory
from espdl.plan.graph import CallGraph, aligned
from espdl.plan.stream_types import Stream, StreamRows
from espdl.plan.types import KernelCall, Plan, Port, Tensor

# Of the state of a stream: how many pushes there were, and whether one waits for its run (src/stream.c).
STATE_BYTES = 16


def assign(plan: Plan) -> Plan:
    """`plan`, whose stream is known, with all offsets and sizes."""
    stream = present(plan.stream)
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    rest = memory.assign(_Rest(graph, stream).plan(plan))
    places = {t.name: present(t.offset) for t in rest.tensors}
    end = aligned(rest.arena_bytes)
    for rows in (rows for rows in stream.tensors if rows.persists):
        places[rows.tensor] = end
        end += aligned(rows.nbytes)
    rows_of = tuple(replace(rows, offset=places[rows.tensor]) for rows in stream.tensors)
    runs = list(stream.runs)
    for index, run in enumerate(runs):
        if run.staged:
            place = present(rest.calls[stream.first + index].scratch_offset)
            own = aligned(plan.calls[stream.first + index].scratch_bytes)
            runs[index] = replace(run, staged_offset=place + own)
    stream = replace(stream, tensors=rows_of, runs=tuple(runs), state_offset=end)
    end += STATE_BYTES
    calls = tuple(
        replace(
            call,
            scratch_offset=placed.scratch_offset if call.scratch_bytes else None,
            state_offset=placed.state_offset,
        )
        for call, placed in zip(plan.calls, rest.calls)
    )
    tensors = tuple(replace(t, offset=_offset(graph, stream, places, name)) for name, t in graph.tensors.items())
    return replace(
        plan,
        tensors=tensors,
        calls=calls,
        stream=stream,
        arena_bytes=end,
        arena_lower_bound=rest.arena_lower_bound + end - aligned(rest.arena_bytes),
    )


def _offset(graph: CallGraph, stream: Stream, places: Mapping[str, int], name: str) -> int:
    """Where a tensor begins; the first row in memory where rows in front of that are not."""
    span = graph.spans[name]
    rows = stream.rows(span.root)
    in_front = 0 if rows is None else (rows.keeps - rows.rows) * rows.row_bytes
    return places[span.root] + max(0, in_front + span.start)


class _Rest:
    """The network without what persists."""

    def __init__(self, graph: CallGraph, stream: Stream):
        self.graph, self.rows = graph, {rows.tensor: rows for rows in stream.tensors}

    def plan(self, plan: Plan) -> Plan:
        return Plan(
            tuple(t for tensor in self.graph.tensors.values() for t in self._tensor(tensor)),
            tuple(self._call(call, staged) for call, staged in zip(plan.calls, self._staged(plan))),
            self._ports(plan.inputs),
            self._ports(plan.outputs),
        )

    def _name(self, name: str) -> str | None:
        """Views of a tensor of the stream are all of it; None for what persists."""
        root = self.graph.spans[name].root
        rows = self.rows.get(root)
        return name if rows is None else None if rows.persists else root

    def _tensor(self, tensor: Tensor) -> list[Tensor]:
        rows = self.rows.get(self.graph.spans[tensor.name].root)
        if rows is None:
            return [tensor]
        if rows.persists or tensor.alias_of is not None:
            return []
        return [Tensor(tensor.name, (rows.keeps, rows.row_bytes), "int8")]

    def _ports(self, ports: tuple[Port, ...]) -> tuple[Port, ...]:
        return tuple(replace(p, tensor=name) for p in ports if (name := self._name(p.tensor)) is not None)

    @staticmethod
    def _staged(plan: Plan) -> list[int]:
        """Bytes that each call needs besides its scratch."""
        stream = present(plan.stream)
        runs = [run.staged for run in stream.runs]
        return [0] * stream.first + runs + [0] * (len(plan.calls) - stream.stop)

    def _call(self, call: KernelCall, staged: int) -> KernelCall:
        sides = [[self._name(name) for name in names] for names in (call.inputs, call.outputs)]
        places = [{i: n for n, i in enumerate(j for j, name in enumerate(side) if name)} for side in sides]
        in_place = [
            (places[0][i], places[1][o])
            for i, o in call.in_place
            if i in places[0] and o in places[1] and self._is_alike(call.inputs[i], call.outputs[o])
        ]
        is_outside = all(self.graph.spans[name].root not in self.rows for name in (*call.inputs, *call.outputs))
        inputs, outputs = (tuple(name for name in side if name) for side in sides)
        return replace(
            call,
            inputs=inputs,
            outputs=outputs,
            in_place=tuple(in_place),
            overlaps=call.overlaps if is_outside else (),
            concatenates=(),
            scratch_bytes=aligned(call.scratch_bytes) + staged if staged else call.scratch_bytes,
        )

    def _is_alike(self, a: str, b: str) -> bool:
        """Whether rows of both are as many, as large, and those of the same moments."""
        mine, other = (self.rows.get(self.graph.spans[name].root) for name in (a, b))
        return _moments(mine) == _moments(other)


def _moments(rows: StreamRows | None) -> tuple[int, ...] | None:
    return None if rows is None else (rows.rows, rows.keeps, rows.row_bytes, rows.step, rows.behind)
