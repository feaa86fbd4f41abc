# SPDX-License-Identifier: Apache-2.0
"""Stripes on two cores: of the rows that a call of a region has in a stripe, each core computes half.

Rows of a stripe lie in memory of an input then only where each is made of the row that it lies in, and of no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from espdl.errors import present
from espdl.plan import graph as graphs
from espdl.plan import splits, stripes
from espdl.plan.parts import row_step
from espdl.plan.rows import POINTWISE, Region, Sharing
from espdl.plan.types import Cost, KernelCall, Plan, Tensor

# Instructions for a second part of the rows of a stripe, without its kernel and the barrier.
SECOND_PART = 200


def calls_of(plan: Plan) -> frozenset[int]:
    """The calls of regions that two cores share."""
    return frozenset(index for region in plan.regions for index in region.shared)


def shared(plan: Plan, costs: Mapping[str, Cost]) -> Plan:
    """`plan` with those calls of its regions shared for which that is worth while; their memory is not assigned."""
    tensors = plan.by_name
    calls, regions = list(plan.calls), []
    for region in plan.regions:
        members = range(region.first, region.stop)
        chosen = [i for i, cap in zip(members, region.caps) if _saves(plan.calls[i], cap, tensors, costs)]
        for index in chosen:
            calls[index] = _apart(calls[index], tensors)
        regions.append(replace(region, shared=tuple(chosen)))
    return replace(plan, calls=tuple(calls), regions=tuple(regions))


def _saves(call: KernelCall, cap: int, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]) -> bool:
    """Whether half of the rows of a full stripe, with all that it takes, is less than all of them."""
    if call.asks or cap < 2:
        return False
    known = splits.RowCosts(call, tensors, costs)
    return known.of(-(-cap // 2)) + splits.BARRIER + SECOND_PART < known.of(cap)


def instructions(plan: Plan, region: Region, costs: Mapping[str, Cost]) -> float:
    """What the busier core does in all stripes of a region."""
    striped = stripes.Striped(graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions))
    simulation = present(stripes.simulate(striped, region.first, region.stop, region.caps))
    total = 0.0
    for call, runs in zip(simulation.calls, simulation.runs):
        node = plan.calls[call.call]
        known = splits.RowCosts(node, plan.by_name, costs)
        both = call.call in region.shared
        for run, count in runs.items():
            halves = both and run.rows > 1
            once = known.of(-(-run.rows // 2)) + splits.BARRIER + SECOND_PART if halves else known.of(run.rows)
            total += 0.0 if node.asks else count * once
    return total


def _apart(call: KernelCall, tensors: Mapping[str, Tensor]) -> KernelCall:
    """A call whose result may lie in an input row for row only."""
    rows = present(call.rows)
    result = row_step(tensors[call.outputs[0]])
    kept = []
    for sharing in rows.sharing:
        source = tensors[call.reads[sharing.input]]
        is_own = rows.reach[sharing.input] == POINTWISE and row_step(source) == result
        if is_own and sharing.kind in ("same", "pixels"):
            kept.append(Sharing(sharing.input, "same"))
    return replace(call, rows=replace(rows, sharing=tuple(kept)))
