# SPDX-License-Identifier: Apache-2.0
"""Memory planning: every tensor and every scratch area gets its place in one arena.

Time runs in slots: 0 is before the run (all inputs are there), call `c` is slot c + 1, the last slot is after the run
(all outputs are there). A tensor lives from its first to its last use, aliases included; a call's scratch lives for
that call. Where a call allows it and its input is not needed afterwards, output and input start at the same address.
What calls keep between runs lies behind all that, at the arena's end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from espdl.plan import graph as graphs
from espdl.plan.graph import Graph
from espdl.plan.packing import Block, Packer
from espdl.plan.types import KernelCall, Plan

ALIGNMENT = 16
# How many other in-place choices are tried where the best packing misses the lower bound.
ALTERNATIVES = 8

# Pairs (input root, output root) of one call that share their start.
Pairs = tuple[tuple[str, str], ...]


def assign(plan: Plan) -> Plan:
    """`plan` with all offsets (tensors, aliases, scratch, state), `arena_bytes` and `arena_lower_bound`.

    The lower bound is the largest sum, over the slots, of the bytes alive then (sizes rounded up to 16, in-place pairs
    counted once), and the state of all calls. Tensors that nothing uses are dropped. Raises ValueError for a malformed
    network (`espdl.plan.graph`).
    """
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
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
    calls, end = _place_states(calls, aligned(arena_bytes))
    states = end - aligned(arena_bytes)
    return dataclasses.replace(
        plan,
        tensors=tensors,
        calls=calls,
        arena_bytes=end if states else arena_bytes,
        arena_lower_bound=layout.lower_bound + states,
    )


def _place_states(calls: Sequence[KernelCall], start: int) -> tuple[tuple[KernelCall, ...], int]:
    """`calls` with their states one behind the other from `start` on, and the end of the last."""
    placed = []
    for call in calls:
        placed.append(dataclasses.replace(call, state_offset=start if call.state_bytes else None))
        start += aligned(call.state_bytes)
    return tuple(placed), start


def aligned(size: int) -> int:
    """`size` in bytes, rounded up to the alignment of tensors."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def best_pairs(graph: Graph, candidates: Sequence[tuple[str, str]]) -> Pairs:
    """Of the pairs that one call could share, those that save most; no tensor in two of them."""
    chosen: list[tuple[str, str]] = []
    for pair in sorted(candidates, key=lambda p: -min(aligned(graph.size(p[0])), aligned(graph.size(p[1])))):
        if not any(pair[0] == other[0] or pair[1] == other[1] for other in chosen):
            chosen.append(pair)
    return tuple(chosen)


class _Layout:
    def __init__(self, graph: Graph):
        self.graph = graph
        self.slots = len(graph.calls) + 2
        self.lifetimes = lifetimes(graph, self.slots)
        self.possible = [self._possible_pairs(call) for call in range(len(graph.calls))]
        self.choice = [best_pairs(graph, possible) for possible in self.possible]
        self.lower_bound = Packer(self._blocks(self.choice)).lower_bound

    def _possible_pairs(self, call: int) -> list[tuple[str, str]]:
        slot = call + 1
        return [
            (source, result)
            for source, result in self.graph.in_place_pairs(call)
            if self.lifetimes[source][1] == slot and self.lifetimes[result][0] == slot
        ]

    def best(self) -> tuple[dict[str, int], int]:
        """Address of every root and scratch area, and the bytes in all."""
        choice = list(self.choice)
        places, height = self._pack(choice, exact=False)
        for call, alternative in self._alternatives():
            if height == self.lower_bound:
                return places, height
            trial = [*choice[:call], alternative, *choice[call + 1 :]]
            other_places, other_height = self._pack(trial, exact=False)
            if other_height < height:
                choice, places, height = trial, other_places, other_height
        return self._pack(choice, exact=True)

    def _alternatives(self) -> list[tuple[int, Pairs]]:
        others = [
            (call, (pair,))
            for call, possible in enumerate(self.possible)
            for pair in possible
            if (pair,) != self.choice[call]
        ]
        nothing = [(call, ()) for call, pairs in enumerate(self.choice) if pairs]
        return (others + nothing)[:ALTERNATIVES]

    def _pack(self, choice: Sequence[Pairs], exact: bool) -> tuple[dict[str, int], int]:
        packer = Packer(self._blocks(choice))
        addresses = packer.pack(exact)
        places = {name: address for block, address in zip(packer.blocks, addresses) for name in block.members}
        return places, packer.height(addresses)

    def _blocks(self, choice: Sequence[Pairs]) -> list[Block]:
        group = {root: [root] for root in self.graph.roots}
        for source, result in (pair for pairs in choice for pair in pairs):
            group[source].extend(group[result])
            for member in group[result]:
                group[member] = group[source]
        unique = {id(members): members for members in group.values()}
        blocks = [self._block(members) for members in unique.values()]
        for index, call in enumerate(self.graph.calls):
            if call.scratch_bytes:
                blocks.append(Block((_scratch_name(index),), index + 1, (aligned(call.scratch_bytes),)))
        return blocks

    def _block(self, members: Sequence[str]) -> Block:
        first = min(self.lifetimes[name][0] for name in members)
        last = max(self.lifetimes[name][1] for name in members)
        sizes = [0] * (last - first + 1)
        for name in members:
            size = aligned(self.graph.size(name))
            for slot in range(self.lifetimes[name][0], self.lifetimes[name][1] + 1):
                sizes[slot - first] = max(sizes[slot - first], size)
        return Block(tuple(members), first, tuple(sizes))


def _scratch_name(call: int) -> str:
    return f"scratch of call {call}\0"  # no tensor of a model has this name: ONNX names hold no NUL


def lifetimes(graph: Graph, slots: int) -> dict[str, tuple[int, int]]:
    """Per root, the first and the last of `slots` (calls + 2) in which it lives."""
    result = {}
    inputs = {graph.spans[name].root for name in graph.inputs}
    outputs = {graph.spans[name].root for name in graph.outputs}
    for root, users in graph.users().items():
        first = 0 if root in inputs else users[0] + 1
        last = slots - 1 if root in outputs else max([call + 1 for call in users], default=0)
        result[root] = (first, last)
    return result
