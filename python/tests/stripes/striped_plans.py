# SPDX-License-Identifier: CC0-1.0
"""Random networks with random regions, and inputs for them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import event
from hypothesis import strategies as st
from row_networks import depthwise_networks, networks

from espdl.plan import graph as graphs
from espdl.plan import regions
from espdl.plan.stripes import Striped
from espdl.plan.types import Plan


@st.composite
def striped_plans(draw: st.DrawFn, chip: str = "generic") -> tuple[Plan, dict[str, np.ndarray]]:
    """A plan with random regions, and inputs for it."""
    plan = draw(networks(chip) | depthwise_networks() if chip == "esp32s3" else networks(chip))
    striped = Striped(graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs))
    places, first = [], 0
    while first < len(plan.calls):
        longest = striped.stop_of(first)
        if longest - first < 2 or not draw(st.integers(0, 3)):
            first += 1
            continue
        stop = draw(st.integers(first + 2, longest)) if draw(st.booleans()) else longest
        places.append((first, stop, draw(st.integers(1, 6)), draw(st.sampled_from([math.inf, 0]))))
        first = stop
    if plan.calls[0].asks and (not places or places[0][0] > 0):
        places.insert(0, (0, 1, plan.tensor(plan.calls[0].outputs[0]).shape[1]))
    moves = draw(st.sampled_from([None, [t.name for t in plan.tensors if draw(st.booleans())]]))
    inputs = random_inputs(plan)
    event(" ".join(f"{t.dtype} {t.source or 'arena'}" for t in (plan.tensor(p.tensor) for p in plan.inputs)))
    event(f"{len(places)} regions")
    result = regions.with_regions(plan, places, moves)
    for kept in (k for region in result.regions for k in region.kept):
        event("moves" if kept.moves else "waits" if kept.held else "fresh")
    return result, inputs


def random_inputs(plan: Plan) -> dict[str, np.ndarray]:
    """By name of the port: any values of the tensor's type."""
    random = np.random.default_rng(len(plan.calls))
    tensors = {p.name: plan.tensor(p.tensor) for p in plan.inputs}
    bounds = {name: np.iinfo(t.dtype) for name, t in tensors.items()}
    return {
        name: random.integers(bounds[name].min, bounds[name].max + 1, t.shape).astype(t.dtype)
        for name, t in tensors.items()
    }
