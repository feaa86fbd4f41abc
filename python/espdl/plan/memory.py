# SPDX-License-Identifier: Apache-2.0
"""Memory planning: every tensor and every scratch area gets its place in one arena.

Time runs in slots: 0 is before the run (all inputs are there), call `c` is slot c + 1, the last slot is after the run
(all outputs are there). A tensor lives from its first to its last use, aliases included; a call's scratch lives for
that call. Where a call allows it and its input is not needed afterwards, output and input share memory: they start at
the same address, or the output begins some bytes before the input and runs into it.
In a region every call runs once per stripe. What the region reads or writes as a whole lives as long as the region; so
do the rows that wait for the next stripe. What it keeps some rows of lives from its writer to its last reader, in each
stripe.
What calls keep between runs lies behind all that, at the arena's end.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from espdl.plan import arena_allocator
from espdl.plan import graph as graphs
from espdl.plan.arena_allocator import Block
from espdl.plan.graph import CallGraph, InPlaceOverlap, aligned
from espdl.plan.rows import Region
from espdl.plan.types import KernelCall, Plan

# How many other in-place choices are tried where the best packing misses the lower bound; how many heights before.
ALTERNATIVES = 8
HEIGHTS = 8

# Of the state of a region, for each of its tensors: four counters of 16 bits (src/stripes.c).
STATE_BYTES = 8

# What the roots of one call share; no root is in two of them.
InPlaceOverlaps = tuple[InPlaceOverlap, ...]


def assign(
    plan: Plan,
    known_pairs: Mapping[int, Sequence[InPlaceOverlap]] = MappingProxyType({}),
    shared: frozenset[int] = frozenset(),
    beside: tuple[int, ...] = (),
) -> Plan:
    """`plan` with all offsets (tensors, aliases, scratch, state), `arena_bytes` and `arena_lower_bound`.

    The lower bound is the largest sum, over the slots, of the bytes alive then (sizes rounded up to 16, what a pair
    shares counted once), and the state of all calls. Tensors that nothing uses are dropped. `known_pairs` are those
    of CallGraph. Calls in `shared` run on two cores: the second one's scratch lies behind that of the first, from a
    multiple of 16 on. Those in `beside` run at the same time as the call behind them. Raises ValueError for a malformed
    network (`espdl.plan.graph`).
    """
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
    graph = dataclasses.replace(graph, known_pairs=known_pairs, shared=shared, beside=beside)
    layout = _Layout(graph)
    places, arena_bytes = layout.best()
    tensors = tuple(
        dataclasses.replace(tensor, offset=places[graph.spans[name].root] + graph.spans[name].start)
        for name, tensor in graph.tensors.items()
    )
    calls = tuple(
        dataclasses.replace(call, scratch_offset=places[_scratch_name(index)] if call.scratch_bytes else None)
        for index, call in enumerate(plan.calls)
    )
    regions = tuple(_with_places(region, places) for region in plan.regions)
    calls, end = _place_states(calls, aligned(arena_bytes))
    states = end - aligned(arena_bytes)
    return dataclasses.replace(
        plan,
        tensors=tensors,
        calls=calls,
        regions=regions,
        arena_bytes=end if states else arena_bytes,
        arena_lower_bound=layout.lower_bound + states,
    )


def demand(graph: CallGraph) -> list[int]:
    """Bytes alive in each slot, where all calls share what they can."""
    layout = _Layout(graph)
    return arena_allocator.demand(layout.blocks([best_overlaps(graph, possible) for possible in layout.possible]))


def _with_places(region: Region, places: Mapping[str, int]) -> Region:
    kept = [dataclasses.replace(k, held_offset=places.get(_held_name(k.tensor))) for k in region.kept]
    return dataclasses.replace(region, kept=tuple(kept), state_offset=places[_state_name(region)])


def _place_states(calls: Sequence[KernelCall], start: int) -> tuple[tuple[KernelCall, ...], int]:
    """`calls` with their states one behind the other from `start` on, and the end of the last."""
    placed = []
    for call in calls:
        placed.append(dataclasses.replace(call, state_offset=start if call.state_bytes else None))
        start += aligned(call.state_bytes)
    return tuple(placed), start


def best_overlaps(graph: CallGraph, candidates: Sequence[InPlaceOverlap]) -> InPlaceOverlaps:
    """Of the pairs that one call could share, those that save most; no tensor in two of them."""
    chosen: list[InPlaceOverlap] = []
    for pair in sorted(candidates, key=lambda p: -graph.saved(p)):
        if not any(pair.source == other.source or pair.result == other.result for other in chosen):
            chosen.append(pair)
    return tuple(chosen)


@dataclass(frozen=True)
class _Packing:
    choice: Sequence[InPlaceOverlaps]
    places: dict[str, int]
    height: int


class _Layout:
    def __init__(self, graph: CallGraph):
        self.graph = graph
        self.slots = len(graph.calls) + 2
        self.lifetimes = lifetimes(graph, self.slots)
        self.possible = [self._possible_pairs(call) for call in range(len(graph.calls))]
        all_pairs = [best_overlaps(graph, possible) for possible in self.possible]
        self.lower_bound = max(arena_allocator.demand(self.blocks(all_pairs)), default=0)
        self.choices = self._choices(all_pairs)

    def _possible_pairs(self, call: int) -> list[InPlaceOverlap]:
        slot = call + 1
        return [
            pair
            for pair in self.graph.pairs(call)
            if self.lifetimes[pair.source][1] == slot and self.lifetimes[pair.result][0] == slot
        ]

    def _choices(self, all_pairs: Sequence[InPlaceOverlaps]) -> list[list[InPlaceOverlaps]]:
        """Of the pairs with an offset only those without which their call needs more than the lower bound, then than
        some larger heights: tensors that lean on each other in a long chain leave steps of unused memory behind."""
        plain = [best_overlaps(self.graph, [p for p in possible if not p.offset]) for possible in self.possible]
        demand = arena_allocator.demand(self.blocks(plain))
        heights = sorted({self.lower_bound, *(height for height in demand if height > self.lower_bound)})
        return [
            [
                pairs if max(demand[call + 1 : call + 2], default=0) > height else same_start
                for call, (pairs, same_start) in enumerate(zip(all_pairs, plain, strict=True))
            ]
            for height in heights[:HEIGHTS]
        ]

    def best(self) -> tuple[dict[str, int], int]:
        """Address of every root and scratch area, and the bytes in all."""
        found = _Packing(self.choices[0], *self._pack(self.choices[0], exact=False))
        for trial in self.choices[1:]:
            if self._may_be_lower(trial, found.height):
                found = self._better(found, trial)
        first = found
        found = self._improved(first, first.choice)
        if found is not first or first.choice is not self.choices[0]:  # else that has been tried
            found = self._improved(found, self.choices[0])
        if found.height == self.lower_bound:
            return found.places, found.height
        return self._pack(found.choice, exact=True)

    def _improved(self, found: _Packing, choice: Sequence[InPlaceOverlaps]) -> _Packing:
        """The lower of `found` and of what `choice` makes with others of some calls, one after the other."""
        trials = ALTERNATIVES
        for call, alternative in self._alternatives(choice):
            trial = [*choice[:call], alternative, *choice[call + 1 :]]
            if trials > 0 and self._may_be_lower(trial, found.height):
                trials -= 1
                better = self._better(found, trial)
                found, choice = (better, trial) if better is not found else (found, choice)
        return found

    def _may_be_lower(self, trial: Sequence[InPlaceOverlaps], height: int) -> bool:
        return height > self.lower_bound and max(arena_allocator.demand(self.blocks(trial)), default=0) < height

    def _better(self, found: _Packing, trial: Sequence[InPlaceOverlaps]) -> _Packing:
        """The lower of `found` and of what is quickly found for `trial`."""
        other = _Packing(trial, *self._pack(trial, exact=False))
        return other if other.height < found.height else found

    def _alternatives(self, choice: Sequence[InPlaceOverlaps]) -> list[tuple[int, InPlaceOverlaps]]:
        """Calls whose tensors share nothing, or others: by turns of the largest block that tensors make together, and
        where most memory is needed."""
        blocks = self.blocks(choice)
        sizes = {name: max(block.tops) for block in blocks for name in block.members}
        demand = arena_allocator.demand(blocks)
        found: list[tuple[int, InPlaceOverlaps]] = []
        for call, possible in enumerate(self.possible):
            found += [(call, ())] if choice[call] else []
            found += [(call, (pair,)) for pair in possible if (pair,) != choice[call]]
        by_size = sorted(found, key=lambda item: -max(sizes[pair.source] for pair in self.possible[item[0]]))
        by_demand = sorted(found, key=lambda item: -demand[item[0] + 1])
        return list(dict.fromkeys(itertools.chain.from_iterable(zip(by_size, by_demand))))

    def _pack(self, choice: Sequence[InPlaceOverlaps], exact: bool) -> tuple[dict[str, int], int]:
        blocks = self.blocks(choice)
        addresses, height = arena_allocator.packed(blocks, exact)
        places = {
            name: address + offset
            for block, address in zip(blocks, addresses)
            for name, offset in block.members.items()
        }
        return places, height

    def blocks(self, choice: Sequence[InPlaceOverlaps]) -> list[Block]:
        group = {root: {root: 0} for root in self.graph.roots}  # root -> offsets of all that share its memory
        for pair in (pair for pairs in choice for pair in pairs):
            mine, joined = group[pair.source], group[pair.result]
            shift = mine[pair.source] - pair.offset - joined[pair.result]
            mine.update({name: offset + shift for name, offset in joined.items()})
            group.update(dict.fromkeys(joined, mine))
        unique = {id(members): members for members in group.values()}
        blocks = [self._block(members) for members in unique.values()]
        for index, call in enumerate(self.graph.calls):
            if call.scratch_bytes:
                first, stop = _together(self.graph, index)
                size = self.graph.scratch(index)
                blocks.append(Block({_scratch_name(index): 0}, first + 1, (size,) * (stop - first)))
        for region in self.graph.regions:
            slots = region.stop - region.first
            for name, size in held(region).items():
                blocks.append(Block({name: 0}, region.first + 1, (aligned(size),) * slots))
        return blocks

    def _block(self, offsets: Mapping[str, int]) -> Block:
        first = min(self.lifetimes[name][0] for name in offsets)
        last = max(self.lifetimes[name][1] for name in offsets)
        lowest = min(offsets.values())
        members = {name: offset - lowest for name, offset in offsets.items()}
        extents = []
        for slot in range(first, last + 1):
            alive = [name for name in members if self.lifetimes[name][0] <= slot <= self.lifetimes[name][1]]
            bottom = min((members[name] + self._bottom(name, slot) for name in alive), default=0)
            extents.append((bottom, max((members[name] + aligned(self.graph.size(name)) for name in alive), default=0)))
        bottoms, tops = zip(*extents)
        return Block(members, first, tops, bottoms)

    def _bottom(self, name: str, slot: int) -> int:
        """The first byte of a tensor that is in use: in front of fresh rows none are, until they are read."""
        kept = self.graph.kept.get(name)
        if kept is None or kept.moves or slot != self.lifetimes[name][0]:
            return 0
        return graphs.ahead_bytes(kept)


def held(region: Region) -> dict[str, int]:
    """What lives as long as a region and is no tensor: bytes by name. Rows that wait, and how far the region is."""
    rows = {_held_name(k.tensor): k.held * k.row_bytes for k in region.kept if k.held and not k.moves}
    return {**rows, _state_name(region): STATE_BYTES * len(region.tensors)}


def _held_name(tensor: str) -> str:
    return f"rows of {tensor}\0"


def _state_name(region: Region) -> str:
    return f"state of the region at call {region.first}\0"


def _scratch_name(call: int) -> str:
    return f"scratch of call {call}\0"  # no tensor of a model has this name: ONNX names hold no NUL


def lifetimes(graph: CallGraph, slots: int) -> dict[str, tuple[int, int]]:
    """Per root, the first and the last of `slots` (calls + 2) in which it lives."""
    result = {}
    inputs = {graph.spans[name].root for name in graph.inputs}
    outputs = {graph.spans[name].root for name in graph.outputs}
    for root, users in graph.users().items():
        first = 0 if root in inputs else users[0] + 1
        last = slots - 1 if root in outputs else max([call + 1 for call in users], default=0)
        for region in graph.regions:
            kept = graph.kept.get(root)
            if any(region.first <= call < region.stop for call in users) and (kept is None or kept.moves):
                first, last = min(first, region.first + 1), max(last, region.stop)
        for call in users if graph.beside else ():
            together = _together(graph, call)
            first, last = min(first, together[0] + 1), max(last, together[1])
        result[root] = (first, last)
    return result


def _together(graph: CallGraph, call: int) -> tuple[int, int]:
    """From the first to behind the last of the calls that run at the same time as `call`."""
    if call in graph.beside:
        return call, call + 2
    return (call - 1, call + 1) if call - 1 in graph.beside else (call, call + 1)
