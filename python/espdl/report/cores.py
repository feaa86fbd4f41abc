# SPDX-License-Identifier: Apache-2.0
"""What two cores share of a run, and how long it takes by the compiler's estimate."""

from __future__ import annotations

from typing import Any

from espdl.plan import cores, splits, stripe_halves
from espdl.plan.types import Plan
from espdl.report import costs


def of_plan(plan: Plan) -> dict[str, Any] | None:
    """None for one core. `ratio`: of the instructions of one core, those of the busier one, turns and waiting included.

    `alone`: layers that one core computes while the other one waits; `beside`: each two that are computed at once;
    `bands`: in how many turns a layer is computed, of those with more than one; `striped`: layers whose rows in a
    stripe both cores share.
    """
    if not plan.turns:
        return None
    table = costs.instructions(plan.target)
    whole = [splits.instructions(call, plan.by_name, table) for call in plan.calls]
    inside = {index: region.first for region in plan.regions for index in range(region.first, region.stop)}
    shared = stripe_halves.calls_of(plan)
    turns = [turn for turn in plan.turns if turn.first.call not in inside]
    of_call = [sum(turn.first.call == index for turn in turns) for index in range(len(plan.calls))]
    pairs = [tuple(part.call for part in turn.parts) for turn in turns if not turn.first.axis]
    return {
        "ratio": cores.instructions(plan, table) / sum(whole) if sum(whole) else 1.0,
        "alone": [calls[0] for calls in pairs if len(calls) == 1] + [i for i in inside if i not in shared],
        "beside": [list(calls) for calls in pairs if len(calls) == 2],
        "bands": {str(index): count for index, count in enumerate(of_call) if count > 1},
        "striped": sorted(shared),
    }
