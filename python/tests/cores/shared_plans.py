# SPDX-License-Identifier: CC0-1.0
"""Random networks for two cores, and what each core reads and writes of the arena in a turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from unittest import mock

import numpy as np
import row_networks
from hypothesis import strategies as st
from striped_plans import random_inputs, striped_plans

from espdl import backends
from espdl.emit import cores as emitted
from espdl.plan import cores, splits, stripe_halves
from espdl.plan.graph import build
from espdl.plan.parts import row_step
from espdl.plan.turns import CHANNELS, ROWS, Part
from espdl.plan.types import KernelCall, Plan

# Flags of a program that looks for races.
THREADS = ("-O1", "-g1", "-fsanitize=thread")


@st.composite
def shared_plans(draw: st.DrawFn, chip: str = "generic") -> tuple[Plan, dict[str, np.ndarray]]:
    """A plan for two cores that share whatever they can, in the arena of one core or with some room; and its inputs.

    Some calls run stripe by stripe in one of three.
    """
    if draw(st.integers(0, 2)):
        plan = draw(row_networks.networks(chip, input_memory=("arena", "caller")))
        inputs = random_inputs(plan)
    else:
        plan, inputs = draw(striped_plans(chip))
    room, barrier = draw(st.sampled_from([0.0, 0.1, 0.5, 3.0])), draw(st.sampled_from([0, 0, 10_000]))
    hidden = [index for index in range(len(plan.calls)) if not draw(st.integers(0, 3))]
    return share(plan, room, barrier, hidden), inputs


def share(plan: Plan, most_arena: float, barrier: int, hidden: Sequence[int] = ()) -> Plan:
    """`plan` for two cores, whose arena may grow by so much, with turns that cost so many instructions.

    Of the calls in `hidden` no core can compute half.
    """
    known = [call if call.asks else backends.with_rows(call, plan.tensor) for call in plan.calls]
    known = [replace(c, rows=None) if i in hidden else backends.with_channels(c) for i, c in enumerate(known)]
    facts = {call.outputs: call for call in known}
    with (
        mock.patch.object(cores, "MOST_ARENA", most_arena),
        mock.patch.object(splits, "BARRIER", barrier),
        mock.patch.object(stripe_halves, "SECOND_PART", barrier),
    ):
        return cores.choose(plan, facts)


def conflicts(plan: Plan) -> Iterator[str]:
    """Where one core writes what the other one reads or writes in the same turn, or a band what a later one reads."""
    for index, turn in enumerate(plan.turns):
        touched = [bytes_of(plan, part, core) for core, part in enumerate(turn.parts)]
        for (_, writes), (other_reads, other_writes) in itertools.permutations(touched, 2):
            if (writes & (other_reads | other_writes)).any():
                yield f"turn {index}: {turn}"
        for later in plan.turns[index + 1 :]:
            for core, part in enumerate(later.parts):
                if part.call == turn.first.call and any(
                    (writes & bytes_of(plan, part, core)[0]).any() for _, writes in touched
                ):
                    yield f"turn {index} before {later}"


def bytes_of(plan: Plan, part: Part, core: int) -> tuple[np.ndarray, np.ndarray]:
    """What a part reads and writes, bool [arena_bytes] each; its scratch is written."""
    graph = build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
    reads, writes = np.zeros(plan.arena_bytes, bool), np.zeros(plan.arena_bytes, bool)
    call = plan.calls[part.call]
    for i, name in enumerate(call.reads):
        if not graph.tensors[graph.spans[name].root].source:
            _mark(plan, call, part, name, i, reads)
    _mark(plan, call, part, call.outputs[0], None, writes)
    start = emitted.scratch(call, core if part.axis else 0)  # of all of a call there is one, on whatever core
    writes[start : start + call.scratch_bytes] = True
    return reads, writes


def _mark(plan: Plan, call: KernelCall, part: Part, name: str, argument: int | None, into: np.ndarray) -> None:
    tensor = plan.tensor(name)
    item = np.dtype(tensor.dtype).itemsize
    pixels = tensor.count // tensor.shape[-1]
    pitch = tensor.pitch or tensor.row_bytes
    start, width, lines = 0, tensor.row_bytes, range(pixels)
    if part.axis == ROWS:
        reach = None if argument is None else call.rows.reach[argument]
        if argument is None:
            step = row_step(tensor)
            lines = range(part.start * step // pitch, part.stop * step // pitch)
        elif reach is not None and not reach.planes:
            step, height = row_step(tensor), tensor.shape[1]
            lines = range(reach.begin(part.start) * step // pitch, reach.end(part.stop - 1, height) * step // pitch)
    if part.axis == CHANNELS and (argument is None or (call.channels.follows and argument == 0)):
        start, width = part.start * item, (part.stop - part.start) * item
    for line in lines:
        place = tensor.offset + line * pitch + start
        into[place : place + width] = True
