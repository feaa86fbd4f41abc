# SPDX-License-Identifier: Apache-2.0
"""Where a call can be cut in two, and what the larger half costs: by rows, by channels, or by rows in bands.

A *band* is some rows that both cores compute in one turn. Where the result of a call lies in memory of an input, a band
ends before it would write what it, or a band behind it, reads; so within a band the order does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache

from espdl.errors import present
from espdl.plan.graph import CallGraph, InPlaceOverlap
from espdl.plan.parts import row_step
from espdl.plan.regions import UNKNOWN
from espdl.plan.rows import POINTWISE
from espdl.plan.turns import CHANNELS, ROWS, Channels, Part, Turn
from espdl.plan.types import Cost, KernelCall, Plan, Tensor

# Instructions from the end of the work of both cores in a turn to the begin of the next one (benchmarks/cores.py).
BARRIER = 150
# Bands of one call, at most.
MOST_BANDS = 6
# Places where each of them may end.
BAND_ENDS = 2


def instructions(call: KernelCall, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]) -> float:
    """Of a call on one core."""
    once, value, mac = (0.0, 0.0, 0.0) if call.asks else costs.get(call.function, UNKNOWN)
    return once + value * sum(tensors[name].count for name in call.outputs) + mac * call.work


def part_instructions(plan: Plan, part: Part, costs: Mapping[str, Cost]) -> float:
    """Of what one core computes of a call."""
    call, tensors = plan.calls[part.call], plan.by_name
    if part.axis == ROWS:
        return RowCosts(call, tensors, costs).of(part.stop - part.start)
    whole = instructions(call, tensors, costs)
    return whole * (part.stop - part.start) / tensors[call.outputs[0]].shape[-1] if part.axis else whole


def channel_halves(
    index: int, call: KernelCall, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]
) -> tuple[Turn, float] | None:
    """Half of the channels for each core; None where the kernel cannot."""
    known = call.channels
    if known is None or call.prepare:
        return None
    channels = tensors[call.outputs[0]].shape[-1]
    middle = _middle_channel(channels, known)
    if not 0 < middle < channels or (known.strict and channels % known.group):
        return None
    total, once = instructions(call, tensors, costs), costs.get(call.function, UNKNOWN)[0]
    groups = -(-channels // known.group)
    share = max(-(-middle // known.group), groups - middle // known.group) / groups
    packs = 0.0 if known.follows else known.packs * tensors[call.inputs[0]].count
    price = once + (total - once - packs) * share + packs + BARRIER
    turn = Turn(Part(index, CHANNELS, 0, middle), Part(index, CHANNELS, middle, channels))
    return turn, price


def _middle_channel(channels: int, known: Channels) -> int:
    """The multiple of a group that is nearest to the half."""
    return round(channels / 2 / known.group) * known.group


class RowCosts:
    """What some rows of a call cost, and where they can begin."""

    def __init__(self, call: KernelCall, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]):
        self.rows = present(call.rows)
        self.alignment = call.alignment
        output = tensors[call.outputs[0]]
        self.height = output.shape[1]
        self.steps = [row_step(output)]
        self.reaches = [POINTWISE]
        for name, reach in zip(call.reads, self.rows.reach):
            if reach is not None:
                self.steps.append(row_step(tensors[name], reach.planes))
                self.reaches.append(reach)
        self.pixels = math.prod(output.shape[2:-1])
        self.total = instructions(call, tensors, costs)
        once = min(self.total, costs.get(call.function, UNKNOWN)[0])
        self.fixed = min(self.total, max(once, float(self.rows.overhead)))

    def of(self, rows: int) -> float:
        """Instructions for so many rows; groups of pixels are computed whole."""
        groups = -(-rows * self.pixels // self.rows.group)
        whole = -(-self.height * self.pixels // self.rows.group)
        return self.fixed + (self.total - self.fixed) * groups / whole if rows else 0.0

    def is_begin(self, row: int) -> bool:
        """Whether the addresses of the kernel's tensors are what it wants them to be from this row on."""
        places = (reach.begin(row) * step for reach, step in zip(self.reaches, self.steps))
        return self.alignment == 1 or all(place % self.alignment == 0 for place in places)

    def split(self, start: int, stop: int) -> tuple[int, float]:
        """Where the second core begins, and what the busier one does: `stop` where there is no such place."""
        best = stop, self.of(stop - start)
        for row in range(start + 1, stop):
            price = max(self.of(row - start), self.of(stop - row))
            if price < best[1] and self.is_begin(row):
                best = row, price
        return best

    def turn(self, index: int, start: int, stop: int) -> tuple[Turn, float]:
        row, price = self.split(start, stop)
        second = Part(index, ROWS, row, stop) if row < stop else None
        return Turn(Part(index, ROWS, start, row), second), price + BARRIER


def _row_costs(call: KernelCall, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]) -> RowCosts | None:
    """None where a call computes all rows at once, or is none of the runtime's."""
    if call.rows is None or call.prepare or call.asks or len(call.outputs) != 1:
        return None
    found = RowCosts(call, tensors, costs)
    return found if all(found.steps) else None


def row_halves(
    index: int, call: KernelCall, tensors: Mapping[str, Tensor], costs: Mapping[str, Cost]
) -> tuple[tuple[Turn, ...], float]:
    """Half of the rows for each core; no turns where that is not possible."""
    known = _row_costs(call, tensors, costs)
    if known is None:
        return (), 0.0
    turn, price = known.turn(index, 0, known.height)
    return ((turn,), price) if turn.second is not None else ((), 0.0)


def is_row_for_row(graph: CallGraph, index: int, pair: InPlaceOverlap) -> bool:
    """Whether every row of the result is made of the row of the source that it lies in, and of no other of it."""
    call = graph.calls[index]
    if call.rows is None:
        return False
    steps = [row_step(graph.tensors[call.outputs[0]])]
    for name, reach in zip(call.reads, call.rows.reach):
        if graph.spans[name].root == pair.source:
            if reach != POINTWISE:
                return False
            steps.append(row_step(graph.tensors[name]))
    return len(set(steps)) == 1 and steps[0] > 0


def band_pairs(graph: CallGraph, index: int) -> Iterator[InPlaceOverlap]:
    """What can share memory where rows are computed in bands: the output and an input that nothing else reads here."""
    call = graph.calls[index]
    if call.rows is None or len(call.outputs) != 1 or call.asks or call.prepare:
        return
    result = graph.spans[call.outputs[0]]
    roots = [graph.spans[name].root for name in call.inputs]
    for name, reach in zip(call.reads, call.rows.reach):
        source = graph.spans[name]
        whole = all(
            not span.pitch and (span.start, span.stop) == (0, graph.tensors[span.root].nbytes)
            for span in (source, result)
        )
        if reach is None or reach.planes or not whole or roots.count(source.root) > 1:
            continue
        if not graph.tensors[source.root].source and source.root != result.root:
            yield InPlaceOverlap(source.root, result.root)


def bands(
    index: int, graph: CallGraph, costs: Mapping[str, Cost], pair: InPlaceOverlap, offset: int
) -> tuple[tuple[Turn, ...], float]:
    """Bands for a result that begins `offset` bytes before its source; no turns where that is not possible."""
    call = graph.calls[index]
    known = _row_costs(call, graph.tensors, costs)
    if known is None or offset < 0:
        return (), 0.0
    place = next(i for i, name in enumerate(call.reads) if graph.spans[name].root == pair.source)
    reach = present(present(call.rows).reach[place])
    written, read = row_step(graph.tensors[call.outputs[0]]), row_step(graph.tensors[call.reads[place]])
    end = offset + graph.tensors[pair.source].nbytes

    def stops(start: int) -> list[int]:
        """Where a band may end: behind as many rows as are free, or fewer, which two cores may share better."""
        free = (offset + reach.begin(start) * read) // written
        last = known.height if start * written >= end else min(known.height, free)
        return [n for n in range(last, start, -1) if n == known.height or known.is_begin(n)][:BAND_ENDS]

    @cache
    def cheapest(start: int, most: int) -> tuple[float, tuple[Turn, ...]]:
        """The price of all rows from `start` on, infinite where `most` bands are too few."""
        if start == known.height:
            return 0.0, ()
        found: list[tuple[float, tuple[Turn, ...]]] = [(math.inf, ())]
        for stop in stops(start) if most else ():
            turn, cost = known.turn(index, start, stop)
            price, turns = cheapest(stop, most - 1)
            found.append((cost + price, (turn, *turns)))
        return min(found, key=lambda way: way[0])

    price, turns = cheapest(0, MOST_BANDS)
    return (turns, price) if turns else ((), 0.0)
