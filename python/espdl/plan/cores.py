# SPDX-License-Identifier: Apache-2.0
"""What two cores do of a network: who computes which rows or channels of a call, or that one core does it all.

Both halves of a call are alive at once. So an output may lie in memory of an input only where neither half writes what
the other one reads: where a row is made of the same bytes that it is written to, where halves are of channels, or where
the rows are computed in bands, of which none writes what a later one reads. What costs least is taken, as long as the
arena needs no more than it may.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from espdl.plan import beside, memory, splits, stripe_halves, stripes
from espdl.plan import graph as graphs
from espdl.plan.graph import CallGraph, InPlaceOverlap, aligned
from espdl.plan.turns import Part, Turn
from espdl.plan.types import Cost, KernelCall, Plan

# Of one core's arena: what two cores may need more; and, where memory cannot be planned so, what is aimed at instead.
MOST_ARENA = 0.10
AIMS = (1.0, 0.7, 0.4, 0.0)


@dataclass(frozen=True)
class Way:
    """One way to run a call: `price` is what the busier core does, in instructions, barriers included. `pairs` may
    share memory; None: those that the call allows."""

    turns: tuple[Turn, ...]
    price: float
    pairs: tuple[InPlaceOverlap, ...] | None = None

    @property
    def is_shared(self) -> bool:
        return any(turn.second is not None for turn in self.turns)


def choose(
    plan: Plan,
    facts: Mapping[tuple[str, ...], KernelCall],
    costs: Mapping[str, Cost] = MappingProxyType({}),
    most_bytes: int | None = None,
) -> Plan:
    """`plan`, whose memory is assigned, for two cores; as it is where they have nothing to share.

    `facts` are its calls with what their kernels say of rows and channels, by their outputs. Calls of regions stay as
    they are: there, the cores share the rows of a stripe. The arena may have `most_bytes`, if any are given; else
    little more than that of one core.
    """
    spare = plan.arena_bytes * MOST_ARENA if most_bytes is None else max(0, most_bytes - plan.arena_bytes)
    known = [replace(c, rows=facts[c.outputs].rows, channels=facts[c.outputs].channels) for c in plan.calls]
    inside = {index for region in plan.regions for index in range(region.first, region.stop)}
    calls = [plan.calls[i] if i in inside else call for i, call in enumerate(known)]
    whole = replace(plan, calls=tuple(calls))
    halves = stripe_halves.shared(whole, costs)
    for trial in (halves, whole) if halves != whole else (whole,):
        found = _Sharer(trial, costs).search(plan.arena_bytes, spare)
        if found is not None:
            return found
    return plan


def most_bytes(plan: Plan) -> int:
    """Of the arena of two cores, where that of one has the size of `plan`'s."""
    return int(plan.arena_bytes * (1 + MOST_ARENA))


def scratch_rooms(plan: Plan, most: int) -> dict[tuple[str, ...], int]:
    """By the outputs of calls that two cores can share, bytes of scratch for each of them in `most` bytes of arena.

    `plan` is that of one core; its calls have what their kernels say of rows and channels.
    """
    return {plan.calls[index].outputs: room for index, room in _Sharer(plan, {}).scratch_rooms(most).items()}


def instructions(plan: Plan, costs: Mapping[str, Cost]) -> float:
    """Of a run, where a turn of two cores takes what the busier one does, and a barrier."""
    if not plan.turns:
        return sum(splits.instructions(call, plan.by_name, costs) for call in plan.calls)
    striped = {region.first for region in plan.regions}
    turns = [turn for turn in plan.turns if turn.first.call not in striped]
    busier = sum(max(splits.part_instructions(plan, part, costs) for part in turn.parts) for turn in turns)
    barriers = splits.BARRIER * sum(turn.second is not None for turn in turns)
    return busier + barriers + sum(stripe_halves.instructions(plan, region, costs) for region in plan.regions)


class _Sharer:
    def __init__(self, plan: Plan, costs: Mapping[str, Cost]):
        self.whole = plan
        self.costs = costs
        graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
        self.striped = stripes.pairs_of(plan)
        self.graph: CallGraph = dataclasses.replace(graph, known_pairs=self.striped)
        self.lives = memory.lifetimes(self.graph, len(plan.calls) + 2)

    @cached_property
    def first_of_region(self) -> dict[int, int]:
        """By call of a region, the first one of it."""
        regions = self.whole.regions
        return {index: region.first for region in regions for index in range(region.first, region.stop)}

    def search(self, arena_bytes: int, spare: float) -> Plan | None:
        """The cheapest plan that takes at most `spare` bytes more than `arena_bytes`, if there is one that shares."""
        rooms = [arena_bytes + aim * spare for aim in AIMS]
        trials = [(room, ways) for room in rooms for ways in self._simpler(self.ways(room))]
        seen: list[Mapping[int, Way]] = []
        for room, ways in sorted(trials, key=lambda trial: sum(way.price for way in trial[1].values())):
            alone = not any(way.is_shared for way in ways.values()) and not stripe_halves.calls_of(self.whole)
            if ways in seen or (alone and not self._beside(ways)):
                continue
            seen.append(ways)
            together = self._beside(ways)
            for both in (together, ()) if together else ((),):
                for variant in (ways, self.apart(ways, room)):
                    shared = self.plan(variant, both)
                    if shared.arena_bytes <= arena_bytes + spare:
                        return shared
        return None

    def _beside(self, ways: Mapping[int, Way]) -> tuple[int, ...]:
        """The first of each two calls that run at the same time, as neither of them is shared."""
        price = {index: way.price for index, way in ways.items() if not way.is_shared}
        return beside.pairs(self.graph, price.get, splits.BARRIER)

    def _simpler(self, ways: dict[int, Way]) -> Iterator[dict[int, Way]]:
        """The ways, and with one call or none of those in bands: tensors that lean on each other in a chain may not
        fit, though any two of them do."""
        yield ways
        banded = [index for index, way in ways.items() if any(pair.offset for pair in way.pairs or ())]
        alone = {index: self._alone(index) for index in banded}
        if len(banded) > 1:
            yield from (ways | {index: alone[index]} for index in banded)
        if banded:
            yield ways | alone

    def ways(self, room: float) -> dict[int, Way]:
        """By call outside of regions, the cheapest way that needs at most `room` bytes while it runs; where there is
        none, that of one core."""
        found = {}
        for index in range(len(self.graph.calls)):
            if index not in self.first_of_region:
                found[index] = self._cheapest(index, room)
        return found

    def apart(self, ways: Mapping[int, Way], room: float) -> dict[int, Way]:
        """The same ways, and nothing shares memory that need not: a chain of tensors that lean on each other is hard to
        place."""
        free = {index: replace(way, pairs=()) for index, way in ways.items()}
        return {index: free[index] if self._demand(index, free[index]) <= room else way for index, way in ways.items()}

    def _cheapest(self, index: int, room: float) -> Way:
        best = self._alone(index)
        for way in self._shared(index, room):
            if way.price < best.price and self._demand(index, way) <= room:
                best = way
        return best

    def _alone(self, index: int) -> Way:
        price = splits.instructions(self.graph.calls[index], self.graph.tensors, self.costs)
        return Way((Turn(Part(index)),), price)

    def _shared(self, index: int, room: float) -> list[Way]:
        """The ways of two cores: halves of channels or of rows, or bands of rows with what they may overlap."""
        call, tensors = self.graph.calls[index], self.graph.tensors
        pairs = self.graph.pairs(index)
        ways = []
        halves = splits.channel_halves(index, call, tensors, self.costs)
        if halves is not None:
            turn, price = halves
            mine = [p for p in pairs if call.channels and call.channels.follows and not p.offset]
            ways.append(Way((turn,), price, tuple(mine)))
        turns, price = splits.row_halves(index, call, tensors, self.costs)
        if turns:
            own = [p for p in pairs if not p.offset and splits.is_row_for_row(self.graph, index, p)]
            ways.append(Way(turns, price, tuple(own)))
        for pair in splits.band_pairs(self.graph, index):
            offset = self._largest_offset(index, pair, room)
            turns, price = splits.bands(index, self.graph, self.costs, pair, offset)
            pair = replace(pair, offset=offset)
            if turns and self.graph.saved(pair) > 0:
                ways.append(Way(turns, price, (pair,)))
        return ways

    def _alive(self, slot: int) -> int:
        return sum(aligned(self.graph.size(root)) for root, (begin, end) in self.lives.items() if begin <= slot <= end)

    def _demand(self, index: int, way: Way) -> int:
        """Bytes alive while a call runs that way."""
        legal = [p for p in way.pairs or () if self._is_legal(index, p)]
        saved = sum(self.graph.saved(pair) for pair in memory.best_overlaps(self.graph, legal))
        areas = 2 if way.is_shared else 1
        return self._alive(index + 1) + areas * aligned(self.graph.calls[index].scratch_bytes) - saved

    def _is_legal(self, index: int, pair: InPlaceOverlap) -> bool:
        """Whether the source ends and the result begins with the call."""
        return self.lives[pair.source][1] == index + 1 == self.lives[pair.result][0]

    def scratch_rooms(self, most: int) -> dict[int, int]:
        """By call, the bytes of scratch for each core that its cheapest memory leaves of `most`."""
        found = {}
        for index, call in enumerate(self.graph.calls):
            if index in self.first_of_region:
                continue
            own = 2 * aligned(call.scratch_bytes)
            rest = [self._demand(index, way) - own for way in self._shared(index, most) if len(way.turns) == 1]
            if rest:
                found[index] = max(0, most - min(rest)) // 2 // graphs.ALIGNMENT * graphs.ALIGNMENT
        return found

    def _largest_offset(self, index: int, pair: InPlaceOverlap, room: float) -> int:
        """How far behind the begin of the result the source may lie."""
        both = aligned(self.graph.size(pair.source)) + aligned(self.graph.size(pair.result))
        scratch = 2 * aligned(self.graph.calls[index].scratch_bytes)
        left = int(room) - (self._alive(index + 1) - both) - scratch - aligned(self.graph.size(pair.source))
        return left // graphs.ALIGNMENT * graphs.ALIGNMENT

    def plan(self, ways: Mapping[int, Way], together: tuple[int, ...] = ()) -> Plan:
        """The plan in which calls run so, those in `together` beside the call behind them, with all memory assigned."""
        plan = self.whole
        pairs: dict[int, Sequence[InPlaceOverlap]] = dict(self.striped)
        pairs |= {index: way.pairs for index, way in ways.items() if way.pairs is not None}
        shared = {index for index, way in ways.items() if way.is_shared} | stripe_halves.calls_of(plan)
        calls = [_with_needed(call, ways.get(index)) for index, call in enumerate(plan.calls)]
        turns: list[Turn] = []
        for index in range(len(calls)):
            first = self.first_of_region.get(index, index)
            if index in together:
                turns.append(Turn(Part(index), Part(index + 1)))
            elif index in self.first_of_region:
                turns += [Turn(Part(first))] if first == index else []
            elif index - 1 not in together:
                turns += ways[index].turns
        return memory.assign(replace(plan, calls=tuple(calls), turns=tuple(turns)), pairs, frozenset(shared), together)


def _with_needed(call: KernelCall, way: Way | None) -> KernelCall:
    """Without facts that are of no use any more."""
    if way is None:
        return replace(call, channels=None)
    axes = {part.axis for turn in way.turns for part in turn.parts}
    return replace(
        call,
        rows=call.rows if "rows" in axes else None,
        channels=call.channels if "channels" in axes else None,
    )
