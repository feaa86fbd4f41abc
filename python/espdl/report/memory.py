# SPDX-License-Identifier: Apache-2.0
"""Who lives in the arena where and when."""

from __future__ import annotations

from typing import Any

from espdl.plan import graph as graphs
from espdl.plan import stream_memory
from espdl.plan.memory import STATE_BYTES, lifetimes
from espdl.plan.rows import Region
from espdl.plan.types import KernelCall, Plan


def make(plan: Plan) -> dict[str, Any]:
    """Blocks of the arena over time.

    Time runs in slots: 0 is before the run, layer `i` is slot i + 1, the last slot is after the run. A block takes
    `bytes` from `offset` on, in the slots `first` to `last`; aliases are in the block of the tensor whose memory they
    share. In stripes, a tensor of which some rows are kept is there from its writer to its last reader, and rows that
    wait for the next stripe all the time; so are those of a stream that persist between pushes. `used` is how
    many bytes of the arena belong to somebody in each slot, `peak` the slot with most.
    """
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
    slots = len(plan.calls) + 2
    kinds = {graph.spans[name].root: "output" for name in graph.outputs}
    kinds |= {graph.spans[name].root: "input" for name in graph.inputs}
    pushed = {} if plan.stream is None else {rows.tensor: rows for rows in plan.stream.tensors}
    blocks = [
        _block(root, kinds.get(root, "tensor"), plan.tensor(root).offset or 0, graph.size(root), *life)
        for root, life in lifetimes(graph, slots).items()
        if root not in pushed
    ]
    for root, rows in pushed.items():
        life = (0, slots - 1) if rows.persists else lifetimes(graph, slots)[root]
        blocks.append(_block(root, kinds.get(root, "tensor"), rows.offset or 0, rows.nbytes, *life))
    if plan.stream is not None:
        place = plan.stream.state_offset or 0
        blocks.append(_block("how far the stream is", "state", place, stream_memory.STATE_BYTES, 0, slots - 1))
    for index, call in enumerate(plan.calls):
        if call.scratch_bytes:
            blocks.append(
                _block(_of(call), "scratch", call.scratch_offset or 0, call.scratch_bytes, index + 1, index + 1)
            )
        if call.state_bytes:
            blocks.append(_block(_of(call), "state", call.state_offset or 0, call.state_bytes, 0, slots - 1))
    blocks += [block for region in plan.regions for block in _waiting(region)]
    used = [_used(blocks, slot) for slot in range(slots)]
    return {"slots": slots, "used": used, "peak": used.index(max(used)), "blocks": blocks}


def alive(memory: dict[str, Any], slot: int) -> list[dict[str, Any]]:
    """The blocks of a slot, the largest first."""
    return sorted(
        (b for b in memory["blocks"] if b["first"] <= slot <= b["last"]), key=lambda b: (-b["bytes"], b["offset"])
    )


def _waiting(region: Region) -> list[dict[str, Any]]:
    """What is there as long as a region runs, and is no tensor."""
    size = STATE_BYTES * len(region.tensors)
    blocks = [_block("how far the stripes are", "state", region.state_offset or 0, size, region.first + 1, region.stop)]
    return blocks + [
        _block(f"rows of {k.tensor}", "tensor", k.held_offset, k.held * k.row_bytes, region.first + 1, region.stop)
        for k in region.kept
        if k.held_offset is not None
    ]


def _of(call: KernelCall) -> str:
    return ", ".join(call.source_nodes) or call.operator


def _block(name: str, kind: str, offset: int, size: int, first: int, last: int) -> dict[str, Any]:
    return {"name": name, "kind": kind, "offset": offset, "bytes": size, "first": first, "last": last}


def _used(blocks: list[dict[str, Any]], slot: int) -> int:
    """Bytes that belong to a block in this slot; those that two share in place count once."""
    spans = sorted((b["offset"], b["offset"] + b["bytes"]) for b in blocks if b["first"] <= slot <= b["last"])
    total, end = 0, 0
    for start, stop in spans:
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total
