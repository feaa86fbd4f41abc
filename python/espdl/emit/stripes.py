# SPDX-License-Identifier: Apache-2.0
"""What generated code says of calls that run stripe by stripe, for include/espdl_stripes.h."""

from __future__ import annotations

from espdl.emit import c_text, places
from espdl.errors import present
from espdl.plan import graph as graphs
from espdl.plan.rows import Change, Reach, Region
from espdl.plan.stripes import RowCall, Striped, copies_blocks
from espdl.plan.types import KernelCall, Plan


def inputs(plan: Plan, call: KernelCall) -> list[str]:
    """The input arguments of a call: rows come from the stripe, what is needed as a whole from the arena."""
    reaches = present(call.rows).reach
    given = (f"stripe->inputs[{i}]" for i in range(len(reaches)))
    arguments = [
        places.of_input(plan, name) if reach is None else next(given) for name, reach in zip(call.reads, reaches)
    ]
    return arguments + arguments[-1:] * (len(call.inputs) - len(arguments))


def scratch(plan: Plan, index: int) -> str:
    """The scratch argument of a call: each core has its own."""
    call = plan.calls[index]
    is_shared = any(index in region.shared for region in plan.regions)
    behind = f" + stripe->core * {graphs.aligned(call.scratch_bytes)}" if is_shared else ""
    return f"ARENA({call.scratch_offset}{behind})"


def changes(call: KernelCall) -> list[str]:
    """Assignments to the fields of a call's parameters."""
    return [f"{c_text.field(change.field)} = {_value(change)}" for change in present(call.rows).changes]


def _value(change: Change) -> str:
    value = f"stripe->{change.quantity}"
    value = value if change.factor == 1 else f"{change.factor} * {value}"
    return f"{value} + {change.plus}" if change.plus else value


def region(plan: Plan, region: Region) -> dict:
    """The tables of a region, as C text."""
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
    striped = Striped(graph)
    calls = striped.row_calls(region.first, region.stop)
    copy, header = copies_blocks(plan.calls[region.first : region.stop], region.kept)
    numbers = {root: index for index, root in enumerate(region.tensors)}
    made = {call.output for call in calls}
    return {
        "first": region.first,
        "stop": region.stop,
        "state": region.state_offset,
        "copies": c_text.symbol(copy or "espdl_copy_words"),
        "header": header,
        "tensors": [_tensor(plan, graph, striped, root, root not in made) for root in region.tensors],
        "layers": [
            _layer(plan.calls[call.call].asks, call, cap, numbers) | {"shared": int(call.call in region.shared)}
            for call, cap in zip(calls, region.caps)
        ],
        "share": "espdl_share_rows" if region.shared else "NULL",
    }


def _tensor(plan: Plan, graph: graphs.CallGraph, striped: Striped, root: str, is_input: bool) -> str:
    kept, offset, aside, kind = graph.kept.get(root), plan.tensor(root).offset, 0, "ALL"
    if plan.tensor(root).at_caller:
        kind = "CALLER"
    if plan.tensor(root).source == "rows":
        kind, offset = "ASKED", [port.tensor for port in plan.inputs].index(root)
    if kept is not None:
        offset = present(offset) + graphs.ahead_bytes(kept)
        aside = kept.held_offset or 0
        kind = "MOVE" if kept.moves else "FRESH" if kept.held_offset is None else "ASIDE"
    values = (offset, aside, striped.row_bytes(root), striped.height(root), f"ESPDL_ROWS_{kind}", int(is_input))
    return ", ".join(str(value) for value in values)


def _layer(asks: bool, call: RowCall, cap: int, numbers: dict[str, int]) -> dict:
    return {
        "index": call.call,
        "asks": asks,
        "output": numbers[call.output],
        "cap": cap,
        "inputs": len(call.sources),
        "reach": ", ".join(
            f"{{{numbers[s.root]}, {reach(s.reach)}, {int(s.is_first)}, {int(s.is_last)}}}" for s in call.sources
        ),
    }


def reach(reach: Reach) -> str:
    """The middle of an espdl_reach_t."""
    return f"{reach.step}, {reach.first}, {reach.last}, {reach.divisor}"
