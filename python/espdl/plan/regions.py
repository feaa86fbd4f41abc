# SPDX-License-Identifier: Apache-2.0
"""Which calls of a network run stripe by stripe, and how many rows at a time: the smallest arena for its price.

Exact over the order of the calls, by dynamic programming over the places where a region can begin or end: a choice is
worth the bytes of its fullest moment, and the instructions that it takes more than the calls one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from espdl.errors import present
from espdl.plan import bands, first_layers, memory
from espdl.plan import graph as graphs
from espdl.plan.graph import CallGraph, InPlaceOverlap, ahead_bytes, aligned
from espdl.plan.rows import Kept, Region, Rows
from espdl.plan.stripes import Ran, RowCall, Simulation, Striped, caps_of, copies_blocks, region_of, simulate
from espdl.plan.types import Cost, KernelCall, Plan

# Rows that the first call of a region computes in a stripe.
HEIGHTS = (1, 2, 3, 4, 5, 6, 8, 12, 16)
# Of the instructions of the whole network: what "auto" pays at most; and what it must save of the arena to do so.
MAX_PRICE, MIN_SAVING = 0.05, 0.10
# Instructions: of a call in a stripe without its kernel, of a byte that is moved, in words or in blocks of 16 bytes.
CALL, MOVE, MOVE_BLOCKS = 200, 0.8, 0.2
# Of pixels that a group has too few of, what is computed for nothing: one or two are computed one by one.
IDLE = 0.5

# Of kernels that nobody measured.
UNKNOWN: Cost = (0.0, 15.0, 2.6)


class Place(NamedTuple):
    """A region: the calls `first` to `stop` - 1, of which the first computes `rows` rows in a stripe. `room`: where it
    would need more bytes than that, its kernels have as little scratch as it takes, or as they can do with."""

    first: int
    stop: int
    rows: int
    room: float = math.inf


@dataclass(frozen=True)
class Choice:
    """Regions up to some call: most bytes alive, and further instructions."""

    peak: int
    price: float
    regions: tuple[Place, ...] = ()


def choose_of(
    plan: Plan,
    copying: Plan,
    wanted: str,
    costs: Mapping[str, Cost] = MappingProxyType({}),
    standard: Plan | None = None,
) -> Plan:
    """The better choice for a network, or for the same one with concatenations that `plan` does without: parts that lie
    in the memory of the joined tensor are there as a whole, and their calls in no region."""
    found = choose(plan, wanted, costs, standard)
    if wanted == "plain" or (wanted.isdecimal() and found.arena_bytes <= int(wanted)):
        return found
    other = choose(copying, wanted, costs, standard or plan)
    return other if other.arena_bytes < found.arena_bytes else found


def choose(
    plan: Plan, wanted: str, costs: Mapping[str, Cost] = MappingProxyType({}), standard: Plan | None = None
) -> Plan:
    """`plan`, whose memory is assigned, with the regions that `wanted` asks for: "plain", "smallest", "auto", or bytes.

    Bytes stand for what costs least of all that fits; where nothing does, for the smallest. `costs` are those of
    kernels, by name. `standard` is what "auto" compares with, if it is another plan of the network.
    """
    planner = _Planner(_graph_of(plan), costs)
    if wanted == "plain":
        return _without_rows(_of_inputs(plan, planner))
    if wanted.isdecimal():
        wanted, room = "smallest", int(wanted)
        for regions in [(), *(choice.regions for choice in planner.fitting(room))]:
            trial = planner.plan(plan, _with_asking(plan, regions))
            if trial.arena_bytes <= room:
                return _without_rows(trial)
    limit, least = float("inf"), float(plan.arena_bytes - 1)
    if wanted == "auto":
        standard = standard or plan
        least = (1 - MIN_SAVING) * standard.arena_bytes
        limit = (1 + MAX_PRICE) * _Planner(_graph_of(standard), costs).work - planner.work
    choice = planner.search(limit)
    if choice is not None:
        best = planner.plan(plan, _with_asking(plan, choice.regions))
        if best.arena_bytes <= least:
            return _without_rows(best)
    return _without_rows(_of_inputs(plan, _Planner(_graph_of(plan), costs)))


def _of_inputs(plan: Plan, planner: _Planner) -> Plan:
    """`plan` with no other regions than those in which the application is asked for an input, or has it and a first
    layer would need another one in the arena."""
    asking = _with_asking(plan, ())
    if asking:
        return with_regions(plan, asking)
    limit = max(first_layers.MAX_PRICE * planner.work, first_layers.NO_PRICE)
    places = planner.of_first_layers(limit).regions
    if not places:
        return plan
    best = planner.plan(plan, places)
    ends = tuple(replace(region, ends=first_layers.ENDS) for region in best.regions)
    return replace(best, regions=ends) if best.arena_bytes < plan.arena_bytes else plan


def _with_asking(plan: Plan, places: Sequence[Place]) -> list[Place]:
    """`places`, and regions of their own for the calls outside that ask the application, which they do for all rows."""
    asking = [index for index, call in enumerate(plan.calls) if call.asks]
    alone = [index for index in asking if not any(first <= index < stop for first, stop, *_ in places)]
    heights = [plan.tensor(plan.calls[index].outputs[0]).shape[1] for index in alone]
    return sorted([*places, *(Place(index, index + 1, rows) for index, rows in zip(alone, heights))])


def with_regions(plan: Plan, places: Iterable[Sequence], moves: Iterable[str] | None = None) -> Plan:
    """`plan` with the regions `places` (fields of Place), whatever they cost.

    Rows of the tensors in `moves` wait where they are; None: of those where that is smaller. Raises ValueError where
    the calls cannot run stripe by stripe.
    """
    planner = _Planner(_graph_of(plan))
    wanted = [Place(*place) for place in places]
    for first, stop, rows, _ in wanted:
        if planner.striped.stop_of(first) < stop or planner.simulated(first, rows) is None:
            raise ValueError(f"calls {first} to {stop - 1} cannot run stripe by stripe")
    return _without_rows(planner.plan(plan, wanted, moves))


def _graph_of(plan: Plan) -> CallGraph:
    return graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)


def _without_rows(plan: Plan) -> Plan:
    """The facts of calls outside of regions are of no use any more."""
    inside = {index for region in plan.regions for index in range(region.first, region.stop)}
    calls = [call if index in inside else replace(call, rows=None) for index, call in enumerate(plan.calls)]
    return replace(plan, calls=tuple(calls))


class _Planner:
    def __init__(self, graph: CallGraph, costs: Mapping[str, Cost] = MappingProxyType({})):
        self.graph = graph
        self.costs = [(0.0, 0.0, 0.0) if call.asks else costs.get(call.function, UNKNOWN) for call in graph.calls]
        self.striped = Striped(graph)
        self.count = len(graph.calls)
        self.lives = memory.lifetimes(graph, self.count + 2)
        self.sizes = {root: aligned(graph.size(root)) for root in graph.roots}
        self.demand = memory.demand(graph)
        self.simulations: dict[tuple[int, int], Simulation | None] = {}
        self.prices: dict[tuple[int, int], list[float]] = {}
        # Most bytes alive, further instructions.
        self.found: dict[Place, tuple[int, float]] = {}

    @property
    def work(self) -> float:
        """Instructions of a run, one call after the other."""
        return sum(self._instructions(index) for index in range(self.count))

    def _instructions(self, index: int) -> float:
        call, (once, value, mac) = self.graph.calls[index], self.costs[index]
        return once + value * sum(self.graph.tensors[name].count for name in call.outputs) + mac * call.work

    def search(self, limit: float) -> Choice | None:
        """The smallest choice that costs at most `limit`, of those the cheapest; None: all calls one after the other.

        Regions are left out that cannot be part of it: those whose ends alone take more than the best choice so far,
        and those where one call after the other takes no more than some region that no choice can do without.
        """
        fullest = self.demand.index(max(self.demand)) - 1
        if not 0 <= fullest < self.count:
            return None
        least = max(self.demand)
        for rows in HEIGHTS:
            self._look(rows, least, lambda first, stop: first <= fullest < stop)
            covering = [peak for place, (peak, _) in self.found.items() if place.first <= fullest < place.stop]
            least = min([least, *covering])
        hot = [slot - 1 for slot, demand in enumerate(self.demand) if demand > least]
        best = None
        # A first choice soon, though it may be no good one, spares looking at most of the others.
        for heights, most in ((HEIGHTS[1:2], 2 * least), (HEIGHTS, max(self.demand))):
            for rows in heights:
                most = most if best is None else best.peak
                self._look(rows, most, lambda first, stop: any(first <= call < stop for call in hot))
            choices = [c for c in self._choices() if c.regions and c.price <= limit]
            best = min(choices, key=lambda c: (c.peak, c.price), default=None)
        return best

    def fitting(self, room: int) -> list[Choice]:
        """The choices that need no more bytes than `room`, the cheapest first; none where all calls fit one by one."""
        hot = [slot - 1 for slot, demand in enumerate(self.demand) if demand > room]
        for rows in HEIGHTS:
            self._look(rows, room, lambda first, stop: any(first <= call < stop for call in hot), (room,))
        return [choice for choice in reversed(self._choices()) if choice.regions and choice.peak <= room]

    def of_first_layers(self, limit: float) -> Choice:
        """The smallest choice that costs at most `limit`, of those the cheapest, with no other regions than those from
        inputs at the caller to their first layers."""
        spans = first_layers.spans(self.striped)
        for rows in (*HEIGHTS, *first_layers.MORE_HEIGHTS) if spans else ():
            self._look(rows, max(self.demand), lambda first, stop: (first, stop) in spans)
        choices = (choice for choice in self._choices() if choice.price <= limit)
        return min(choices, key=lambda c: (c.peak, c.price))

    def _choices(self) -> list[Choice]:
        """Of the regions found so far: the choices of which none is both larger and dearer than another."""
        starting: dict[int, list] = {}
        for place, worth in self.found.items():
            starting.setdefault(place.first, []).append((place, *worth))
        fronts: list[list[Choice]] = [[] for _ in range(self.count + 1)]
        fronts[0] = [Choice(self.demand[0], 0.0)]
        for first in range(self.count):
            front = fronts[first] = _undominated(fronts[first])
            fronts[first + 1] += [replace(c, peak=max(c.peak, self.demand[first + 1])) for c in front]
            for place, peak, price in starting.get(first, ()):
                fronts[place.stop] += [Choice(max(c.peak, peak), c.price + price, (*c.regions, place)) for c in front]
        return _undominated([replace(c, peak=max(c.peak, self.demand[-1])) for c in fronts[-1]])

    def _look(
        self, rows: int, most: int, is_wanted: Callable[[int, int], bool], rooms: Sequence[float] = (math.inf, 0)
    ) -> None:
        """Find what the wanted regions (by first and stop) with so many rows are worth, if they may need `most`, with
        all scratch that is of use, or as little as `rooms` want."""
        for first in range(self.count):
            longest = self.striped.stop_of(first)
            if longest < first + 2 or (rows > 1 and rows * 2 > self.striped.row_calls(first, first + 1)[0].height):
                continue
            for stop in range(first + 2, longest + 1):
                places = [Place(first, stop, rows, room) for room in rooms]
                if places[0] in self.found or self.ends[first, stop] > most or not is_wanted(first, stop):
                    continue
                simulation = self.simulated(first, rows)
                if simulation is None:
                    break
                region, pairs = region_of(self.striped, simulation, first, stop)
                calls, rest, price = self._calls(region), self.rest(region, pairs), self.price(region, rows)
                known: list[list[int]] = []
                for place in places:
                    fitted = bands.fitted(calls, region.caps, rest, place.room)
                    if fitted not in known:
                        further = price + bands.price(calls, simulation.runs, fitted)
                        self.found[place] = (bands.peak(calls, rest, fitted), further)
                    known.append(fitted)

    @cached_property
    def ends(self) -> dict[tuple[int, int], int]:
        """By (first, stop): bytes alive before a region and needed in it or later, or behind it and there before."""
        alive = [
            {root for root, (begin, end) in self.lives.items() if begin <= call < end} for call in range(self.count + 1)
        ]
        return {
            (first, stop): sum(self.sizes[root] for root in alive[first] | alive[stop])
            for first in range(self.count)
            for stop in range(first + 2, self.striped.stop_of(first) + 1)
        }

    def simulated(self, first: int, rows: int) -> Simulation | None:
        """The longest region that begins at `first`, whose first call computes `rows` rows in a stripe."""
        if (first, rows) not in self.simulations:
            longest = self.striped.stop_of(first)
            caps = caps_of(self.striped, first, longest, rows)
            simulation = self.simulations[first, rows] = simulate(self.striped, first, longest, caps)
            if simulation is not None:
                runs = zip(simulation.calls, simulation.runs)
                self.prices[first, rows] = [self._price(call, by_run) for call, by_run in runs]
        return self.simulations[first, rows]

    def _simulation(self, first: int, rows: int) -> Simulation:
        """The same of a region that was found, or of a call that asks for an input, alone."""
        return present(self.simulated(first, rows))

    def rest(self, region: Region, pairs: Mapping[int, list[InPlaceOverlap]]) -> list[int]:
        """Bytes alive beside the scratch of each call of the region."""
        kept = {k.tensor: k for k in region.kept}
        always = sum(
            self.sizes[root]
            for root, (begin, end) in self.lives.items()
            if root not in kept and begin <= region.stop and end > region.first
        )
        always += sum(aligned(size) for size in memory.held(region).values())
        always += sum(_size(k) for k in kept.values() if k.moves)
        slots = [0] * (region.stop - region.first)
        for k in kept.values():
            begin, end = self.lives[k.tensor]
            if not k.moves:
                slots[begin - region.first - 1] += aligned(k.fresh * k.row_bytes)
                for slot in range(begin + 1, end + 1):
                    slots[slot - region.first - 1] += _size(k)
        for index in range(region.first, region.stop):
            saved = max((self._saved(pair, kept) for pair in pairs.get(index, ())), default=0)
            slots[index - region.first] -= max(0, saved)
        return [always + slot for slot in slots]

    @staticmethod
    def _saved(pair: InPlaceOverlap, kept: Mapping[str, Kept]) -> int:
        """Bytes that a result needs less where it lies in its source, while it is written."""
        source, result = kept[pair.source], kept[pair.result]
        fresh = aligned(result.fresh * result.row_bytes)
        begin = ahead_bytes(result) - pair.offset  # of the fresh rows, from the start of the source
        return _size(source) + fresh - (max(_size(source), begin + fresh) - min(0, begin))

    def price(self, region: Region, rows: int) -> float:
        """Instructions that the region takes more than its calls one after the other."""
        simulation, prices = self._simulation(region.first, rows), self.prices[region.first, rows]
        moved = sum(kept.row_bytes * simulation.traffic[kept.tensor].moved for kept in region.kept)
        blocks = copies_blocks(self.graph.calls[region.first : region.stop], region.kept)
        return sum(prices[: region.stop - region.first]) + (MOVE_BLOCKS if blocks[0] else MOVE) * moved

    def _price(self, call: RowCall, runs: Mapping[Ran, int]) -> float:
        """Of one call: what further calls cost, and pixels computed for nothing, where a group ends with a stripe."""
        node, times = self.graph.calls[call.call], sum(runs.values())
        output = self.graph.tensors[node.outputs[0]]
        pixels = output.count // (output.shape[-1] * call.height)
        idle = sum(count * _idle(run.rows, pixels, call.rows) for run, count in runs.items())
        return (
            times * CALL
            + (times - 1) * call.rows.overhead
            + IDLE * idle * self.costs[call.call][2] * node.work / (pixels * call.height)
        )

    def plan(self, plan: Plan, places: Sequence[Place], moves: Iterable[str] | None = None) -> Plan:
        """The plan with regions; rows of `moves` (None: of those where that is smaller) wait where they are."""
        regions: list[Region] = []
        pairs: dict[int, list[InPlaceOverlap]] = {}
        calls = list(plan.calls)
        for place in places:
            roots = self._moving(place) if moves is None else frozenset(moves)
            region, shared = self._region(place, roots)
            mine, inside = self._calls(region), slice(region.first, region.stop)
            fitted = bands.fitted(mine, region.caps, self.rest(region, shared), place.room)
            calls[inside] = [bands.banded(call, rows) for call, rows in zip(mine, fitted)]
            regions.append(region)
            pairs |= shared
        return memory.assign(replace(plan, calls=tuple(calls), regions=tuple(regions)), pairs)

    def _calls(self, region: Region) -> tuple[KernelCall, ...]:
        return self.graph.calls[region.first : region.stop]

    def _region(self, place: Place, moves: frozenset[str]) -> tuple[Region, dict[int, list[InPlaceOverlap]]]:
        simulation = self._simulation(place.first, place.rows)
        return region_of(self.striped, simulation, place.first, place.stop, moves)

    def _moving(self, place: Place) -> frozenset[str]:
        """The tensors of a region whose rows better wait where they are, found one by one."""

        def peak(moves: frozenset[str]) -> int:
            region, pairs = self._region(place, moves)
            calls, rest = self._calls(region), self.rest(region, pairs)
            return bands.peak(calls, rest, bands.fitted(calls, region.caps, rest, place.room))

        moves: frozenset[str] = frozenset()
        best = peak(moves)
        for kept in (k for k in self._region(place, moves)[0].kept if k.held):
            trial = moves | {kept.tensor}
            needed = peak(trial)
            if needed < best:
                moves, best = trial, needed
        return moves


def _idle(rows: int, pixels: int, facts: Rows) -> int:
    """Pixels that a kernel computes for nothing where it has so many rows of so many pixels."""
    whole = -(-rows // facts.height) * facts.height * pixels
    return whole + -whole % facts.group - rows * pixels


def _size(kept: Kept) -> int:
    return aligned(ahead_bytes(kept) + kept.fresh * kept.row_bytes)


def _undominated(choices: list[Choice]) -> list[Choice]:
    result: list[Choice] = []
    for choice in sorted(choices, key=lambda c: (c.peak, c.price, len(c.regions))):
        if not result or choice.price < result[-1].price:
            result.append(choice)
    return result
