# SPDX-License-Identifier: Apache-2.0
"""Models that carry their states (STATE), on numpy: a run after the other, from the reset on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from espdl.plan.types import Plan
from espdl.verify import reference

Arrays = dict[str, np.ndarray]


def run(plan: Plan, steps: Iterable[Mapping[str, np.ndarray]]) -> Iterator[tuple[Arrays, Arrays]]:
    """For each step all inputs by port, states among them, and all tensors by name, as of reference.run().

    `steps` hold the inputs that are no states.
    """
    held = {state.input: plan.tensor(state.input) for state in plan.states}
    ports = {port.tensor: port.name for port in plan.inputs}
    now = {ports[name]: np.full(t.shape, t.zero_point, t.dtype) for name, t in held.items()}
    for step in steps:
        inputs = {**step, **now}
        values = reference.run(plan, inputs)
        yield inputs, values
        now = {ports[state.input]: values[state.output] for state in plan.states}
