# SPDX-License-Identifier: Apache-2.0
"""What generated code says of two cores, for include/espdl_cores.h: a function for each part of a call, and turns."""

from __future__ import annotations

from collections.abc import Sequence

from espdl.plan.graph import aligned
from espdl.plan.turns import Part
from espdl.plan.types import KernelCall, Plan


def parts(plan: Plan, call: int) -> list[tuple[Part, int]]:
    """The parts of a call that are not all of it, in order, and the core of each: 0 is the one that runs the model."""
    return [
        (part, core) for turn in plan.turns for core, part in enumerate(turn.parts) if part.call == call and part.axis
    ]


def scratch(call: KernelCall, core: int) -> int:
    """Where the scratch of a core is in the arena: that of the second lies behind that of the first."""
    return (call.scratch_offset or 0) + core * aligned(call.scratch_bytes)


def turns(plan: Plan, layers: Sequence[dict]) -> list[dict]:
    """The entries of the table; `layers` have the functions of their calls."""
    inside = {region.first: region.stop for region in plan.regions}
    seen = dict.fromkeys(range(len(plan.calls)), 0)

    def function(part: Part) -> str:
        if not part.axis:
            return f"layer_{part.call}"
        seen[part.call] += 1
        return str(layers[part.call]["functions"][seen[part.call] - 1]["name"])

    entries = []
    for turn in plan.turns:
        first = turn.first.call
        if first in inside:
            entries.append({"steps": "NULL, NULL", "first": first, "stop": inside[first]})
            continue
        names = [function(part) for part in turn.parts]
        last = max(part.call for part in turn.parts)
        entries.append({"steps": ", ".join([*names, "NULL"][:2]), "first": first, "stop": last + 1})
    return entries
