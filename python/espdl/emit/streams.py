# SPDX-License-Identifier: Apache-2.0
"""What generated code says of a stream, for include/espdl_stream.h."""

from __future__ import annotations

from espdl.emit.stripes import reach
from espdl.plan import graph as graphs
from espdl.plan.stream_types import Stream
from espdl.plan.stripes import RowCall, Striped
from espdl.plan.types import Plan


def stream(plan: Plan) -> dict | None:
    """The tables of the plan's stream, as C text; None where it has none."""
    found = plan.stream
    if found is None:
        return None
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    calls = Striped(graph, streams=True).row_calls(found.first, found.stop)
    numbers = {rows.tensor: index for index, rows in enumerate(found.tensors)}
    port = next(i for i, p in enumerate(plan.inputs) if graph.spans[p.tensor].root == found.input)
    return {
        "state": found.state_offset,
        "hop": found.hop,
        "fills": found.fills,
        "settles": found.settles,
        "first": found.first,
        "stop": found.stop,
        "input": port,
        "is_endless": int(found.edges == "stream"),
        "row_bytes": found.tensors[0].row_bytes,
        "row_count": plan.tensor(found.input).count // found.tensors[0].rows,
        "tensors": [
            f"{r.offset}, {r.row_bytes}, {r.rows}, {r.keeps}, {r.step}, {r.behind}, {int(r.persists)}"
            for r in found.tensors
        ],
        "states": [call.state_offset for call in plan.calls if call.state_bytes and not call.prepare],
        "layers": [_layer(found, call, index, numbers) for index, call in enumerate(calls)],
    }


def states(plan: Plan) -> list[str]:
    """The entries of the plan's states, as C text."""
    entries = []
    for state in plan.states:
        held, made = plan.tensor(state.input), plan.tensor(state.output)
        zero = held.zero_point & 0xFF if held.dtype in ("int8", "uint8") else 0
        entries.append(f"{held.offset}, {made.offset}, {held.nbytes}, {zero}")
    return entries


def _layer(stream: Stream, call: RowCall, index: int, numbers: dict[str, int]) -> dict:
    run = stream.runs[index]
    return {
        "index": call.call,
        "reach": ", ".join(
            f"{{{numbers[s.root]}, {reach(s.reach)}, {int(s.is_first)}, {int(s.is_last)}}}" for s in call.sources
        ),
        "row": f"{numbers[call.output]}, {len(call.sources)}, {run.top}, {run.top_stop}, {run.tail},"
        f" {run.staged_offset if run.staged else 'ESPDL_NOT_STAGED'}",
    }
