# SPDX-License-Identifier: Apache-2.0
"""The order of the calls: of all orders that keep the meaning, one with the smallest peak of live bytes.

Exact, by dynamic programming over the sets of calls that are done: what is alive then does not depend on how that set
was reached. Networks so wide that there are too many such sets keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from espdl.plan.graph import CallGraph, aligned
from espdl.plan.memory import best_overlaps
from espdl.plan.types import KernelCall

MAX_STATES = 20_000


def order(graph: CallGraph) -> tuple[KernelCall, ...]:
    """The calls in the order to run them: the given one, unless another one has a smaller peak."""
    scheduler = _Scheduler(graph)
    best = scheduler.search()
    if best is None or scheduler.peak(best) >= scheduler.peak(range(len(graph.calls))):
        return graph.calls
    return tuple(graph.calls[index] for index in best)


class _Scheduler:
    """Sets of calls are bit masks."""

    def __init__(self, graph: CallGraph):
        self.graph = graph
        self.count = len(graph.calls)
        self.users = {root: sum(1 << call for call in calls) for root, calls in graph.users().items()}
        self.size = {root: aligned(graph.size(root)) for root in self.users}
        self.inputs = {graph.spans[name].root for name in graph.inputs}
        self.outputs = {graph.spans[name].root for name in graph.outputs}
        self.touched = [
            tuple(dict.fromkeys(span.root for span in graph.reads(call) + graph.writes(call)))
            for call in range(self.count)
        ]
        self.pairs = [graph.pairs(call) for call in range(self.count)]

    @cached_property
    def before(self) -> list[int]:
        """Per call, the earlier calls that must be done first: both touch the same bytes, and one of them writes."""
        reads = [self.graph.reads(call) for call in range(self.count)]
        writes = [self.graph.writes(call) for call in range(self.count)]
        before = [0] * self.count
        for late in range(self.count):
            for early in range(late):
                clashes = (
                    a.overlaps(b)
                    for mine, theirs in ((reads, writes), (writes, reads), (writes, writes))
                    for a in mine[late]
                    for b in theirs[early]
                )
                if any(clashes):
                    before[late] |= 1 << early
        return before

    def step(self, done: int, alive: int, call: int) -> tuple[int, int]:
        """(bytes alive while `call` runs, bytes alive afterwards), given `alive` bytes before it and what is `done`."""
        after = done | 1 << call
        starts = [r for r in self.touched[call] if not self.users[r] & done and r not in self.inputs]
        ends = [r for r in self.touched[call] if not self.users[r] & ~after and r not in self.outputs]
        during = alive + sum(self.size[r] for r in starts)
        shared = best_overlaps(self.graph, [p for p in self.pairs[call] if p.source in ends and p.result in starts])
        saved = sum(self.graph.saved(pair) for pair in shared)
        scratch = aligned(self.graph.calls[call].scratch_bytes)
        return during - saved + scratch, during - sum(self.size[r] for r in ends)

    def alive_at_start(self) -> int:
        return sum(self.size[root] for root in self.inputs if self.users[root] or root in self.outputs)

    def peak(self, calls: Iterable[int]) -> int:
        done, alive, peak = 0, self.alive_at_start(), 0
        for call in calls:
            during, alive = self.step(done, alive, call)
            peak = max(peak, during)
            done |= 1 << call
        return peak

    def search(self) -> list[int] | None:
        """An order with the smallest peak; None where there are too many sets to look at."""
        layer = {0: (0, self.alive_at_start())}  # set -> smallest peak on the way to it, bytes alive
        came_by: dict[int, int] = {}
        for _ in range(self.count):
            following: dict[int, tuple[int, int]] = {}
            for done in sorted(layer):
                peak, alive = layer[done]
                for call in range(self.count):
                    if done >> call & 1 or self.before[call] & ~done:
                        continue
                    during, alive_after = self.step(done, alive, call)
                    after = done | 1 << call
                    if after not in following or max(peak, during) < following[after][0]:
                        following[after] = (max(peak, during), alive_after)
                        came_by[after] = call
            if len(came_by) > MAX_STATES:
                return None
            layer = following
        found, done = [], (1 << self.count) - 1
        while done:
            found.append(came_by[done])
            done ^= 1 << came_by[done]
        return found[::-1]
