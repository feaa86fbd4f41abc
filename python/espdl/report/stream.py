# SPDX-License-Identifier: Apache-2.0
"""What the report says of a network that computes a stream: its state, and the work of a push."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espdl.plan.stream_types import Stream
from espdl.plan.types import Plan
from espdl.report import values

_EDGES = {
    "window": "every output is that of the window's network",
    "stream": "outputs are those of the network on one long input",
}


def make(plan: Plan) -> dict[str, Any] | None:
    """None where the plan has no stream. `macs` are those of a push."""
    stream = plan.stream
    if stream is None:
        return None
    parts = shares(plan)
    return {
        "input": next(p.name for p in plan.inputs if plan.tensor(p.tensor).source == "stream"),
        "hop": stream.hop,
        "window": stream.tensors[0].rows,
        "edges": stream.edges,
        "fills": stream.fills,
        "first": stream.first,
        "last": stream.stop - 1,
        "state_bytes": plan.state_bytes,
        "working_bytes": plan.arena_bytes - plan.state_bytes,
        "macs": round(sum(call.macs * part for call, part in zip(plan.calls, parts))),
        "notes": list(stream.notes),
    }


def shares(plan: Plan) -> list[float]:
    """Of each call, how much of the window's work a push does."""
    stream = plan.stream
    result = [1.0] * len(plan.calls)
    if stream is not None:
        for index in range(stream.first, stream.stop):
            result[index] = _share(stream, index - stream.first, plan.calls[index].outputs[0])
    return result


def _share(stream: Stream, index: int, output: str) -> float:
    rows = next((r for r in stream.tensors if r.tensor == output), None)
    if rows is None:
        return 1.0
    run = stream.runs[index]
    count = rows.step if stream.edges == "stream" else run.top_stop - run.top + rows.rows - run.tail
    return count / rows.rows


def text(stream: dict[str, Any]) -> Sequence[str]:
    """Lines for people."""
    number = values.number
    return [
        f"a push of {stream['hop']} rows of {stream['input']} (window {stream['window']}):"
        f" {number(stream['macs'])} MACs; layers {stream['first']} to {stream['last']} compute new rows only",
        f"of the arena {number(stream['state_bytes'])} bytes are state, which lives on between runs, and"
        f" {number(stream['working_bytes'])} working memory",
        f"edges of the {stream['edges']}: {_EDGES[stream['edges']]}; the first after {stream['fills']} pushes",
        *stream["notes"],
    ]
