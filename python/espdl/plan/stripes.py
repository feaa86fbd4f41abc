# SPDX-License-Identifier: Apache-2.0
"""Stripes: what the calls of a region do, one by one, exactly as the executor in src/stripes.c does it.

A stripe runs every call of the region once, for as many rows as its inputs allow, up to a cap: rows are pushed through
the layers, and what does not fit through in one stripe follows in the next ones. Of a tensor between two calls only the
rows that somebody still reads are in memory: the fresh ones, always at the same place, and older ones in front of them.
From these calls come the sizes of what is kept, and where an output may lie in the memory of an input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from espdl.errors import present
from espdl.plan import graph as graphs
from espdl.plan.graph import CallGraph, InPlaceOverlap, ahead_bytes
from espdl.plan.rows import POINTWISE, Kept, Reach, Region, Rows, Sharing, as_signal
from espdl.plan.types import ALIGNMENT, KernelCall, Plan

NOT_ALIGNED = "its kernel wants rows that begin at multiples of 16 bytes"
NEEDS_ALL = "it needs all rows of what they compute"
# Who computes all rows at once, by backend; of all others it is one kernel or another.
AT_ONCE = {"tvm": "a loop of TVM computes all rows at once", "esp_dl": "ESP-DL computes all rows at once"}


@dataclass(frozen=True)
class Source:
    """An input of a call that it reads rows of: the root of its tensor, and whether it is the first or the last one
    that reads that root."""

    index: int
    root: str
    reach: Reach
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class RowCall:
    """A call that can run for some rows: of `height` rows of `output`, the root of its only output."""

    call: int
    rows: Rows
    output: str
    height: int
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Ran:
    """One run of a call: for how many rows, and `Reach.above`. By source: the first row read, counted from the first
    fresh row of its tensor (negative: in front of it), and how many."""

    rows: int
    above: int
    read: tuple[tuple[int, int], ...]


@dataclass
class Traffic:
    """What becomes of one tensor: most rows in front of the fresh ones, written at once, waiting; all rows moved."""

    ahead: int = 0
    fresh: int = 0
    held: int = 0
    moved: int = 0


@dataclass
class Simulation:
    """`runs`: by call of the region, each different run and how often it happens; `traffic` by root. `kept` by root and
    `pairs` by call are those of a region without other readers, whose rows wait at places of their own."""

    calls: tuple[RowCall, ...]
    caps: tuple[int, ...]
    runs: list[dict[Ran, int]]
    traffic: dict[str, Traffic]
    kept: dict[str, Kept] = field(default_factory=dict)
    pairs: dict[int, list[InPlaceOverlap]] = field(default_factory=dict)


@dataclass(frozen=True)
class Striped:
    """What stripes need to know of a network: which calls can run for some rows, and who reads what.

    `shapes` are how many rows a root has, and the bytes of one, for those that such calls read or write. `streams`:
    the calls compute a stream; rows are along the first axis that is larger than 1, and an only input is copied
    to an aligned place where its rows are at none.
    """

    graph: CallGraph
    streams: bool = False
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @cached_property
    def users(self) -> dict[str, list[int]]:
        return self.graph.users()

    @cached_property
    def calls(self) -> list[RowCall | str]:
        """By call how it runs for some rows, or the reason why it cannot."""
        return [self._row_call(index) for index in range(len(self.graph.calls))]

    def _row_call(self, index: int) -> RowCall | str:
        call = self.graph.calls[index]
        if call.rows is None:
            return AT_ONCE.get(call.backend, f"{call.function} computes all rows at once")
        if call.prepare or len(call.outputs) != 1:
            return "its kernel prepares itself for the whole layer"
        (output,) = call.outputs
        if not self._is_whole(output, POINTWISE) or len(self.writers(self.graph.spans[output].root)) != 1:
            return "its result is part of a concatenation"
        if self.row_bytes(self._root(output)) % call.alignment:
            return NOT_ALIGNED
        sources: list[Source] = []
        for i, (name, reach) in enumerate(zip(call.inputs, call.rows.reach)):
            if reach is None:
                continue
            if not self._is_whole(name, reach):
                return "it reads part of another tensor"
            root = self._root(name)
            is_moved = self.streams and len(call.reads) == 1
            if self.row_bytes(root) % call.alignment and not (is_moved or call.rows.anywhere):
                return NOT_ALIGNED
            readers = self.readers(root)
            later = [k for k in range(i + 1, len(call.rows.reach)) if call.rows.reach[k] is not None]
            is_last = readers[-1] == index and not any(self._root(call.inputs[k]) == root for k in later)
            is_first = readers[0] == index and not any(s.root == root for s in sources)
            sources.append(Source(i, root, reach, is_first, is_last))
        return RowCall(index, call.rows, self._root(output), self._shape(output)[1], tuple(sources))

    def _root(self, name: str) -> str:
        return self.graph.spans[name].root

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = self.graph.tensors[name].shape
        return as_signal(shape) if self.streams else shape

    def _is_whole(self, name: str, reach: Reach) -> bool:
        """Whether a tensor has rows and is all of its root, whose other views have rows of the same size."""
        span, tensor = self.graph.spans[name], self.graph.tensors[name]
        shape = tensor.shape[1:] if reach.planes else self._shape(name)
        batch = tensor.shape if reach.planes else shape
        if span.pitch or len(shape) < 3 or batch[0] != 1:
            return False
        rows = (shape[1], tensor.nbytes // (shape[1] * max(1, reach.planes)))
        is_all = (span.start, span.stop) == (0, self.graph.tensors[span.root].nbytes)
        return is_all and self.shapes.setdefault(span.root, rows) == rows

    def readers(self, root: str) -> list[int]:
        return [c for c in self.users[root] if any(span.root == root for span in self.graph.reads(c))]

    def writers(self, root: str) -> list[int]:
        return [c for c in self.users[root] if any(span.root == root for span in self.graph.writes(c))]

    def height(self, root: str) -> int:
        return self.shapes[root][0]

    def row_bytes(self, root: str) -> int:
        return self.shapes[root][1]

    def stop_of(self, first: int) -> int:
        """Behind the last call of the longest region that begins at `first`."""
        for stop, call in enumerate(self.calls[first:], first):
            if isinstance(call, str) or not self._sees_rows(first, call):
                return stop
        return len(self.calls)

    def reason_behind(self, first: int, stop: int) -> str:
        """Why the call behind a region cannot be part of it; "" where it can, or where there is none."""
        following = self.calls[stop] if stop < len(self.calls) else ""
        if isinstance(following, str):
            return following
        return "" if self._sees_rows(first, following) else NEEDS_ALL

    def row_calls(self, first: int, stop: int) -> list[RowCall]:
        """The calls `first` to `stop` - 1 of a region."""
        found = [call for call in self.calls[first:stop] if isinstance(call, RowCall)]
        if len(found) < stop - first:
            raise ValueError(f"calls {first} to {stop - 1} are no region")
        return found

    def _sees_rows(self, first: int, call: RowCall) -> bool:
        """What a call needs all of must not be made in the region, and it must read some rows."""
        node = self.graph.calls[call.call]
        whole = [name for name, reach in zip(node.inputs, call.rows.reach) if reach is None or reach.planes]
        return bool(call.sources) and all(writer < first for name in whole for writer in self.writers(self._root(name)))

    @cached_property
    def ports(self) -> frozenset[str]:
        return frozenset(self._root(name) for name in (*self.graph.inputs, *self.graph.outputs))

    def is_kept(self, root: str, first: int, stop: int) -> bool:
        """Whether the calls from `first` to `stop` - 1 alone write and read `root`."""
        users = self.users[root]
        return root not in self.ports and len(users) > 1 and first <= users[0] and users[-1] < stop


def caps_of(striped: Striped, first: int, stop: int, rows: int) -> tuple[int, ...]:
    """Most rows per stripe of the calls `first` to `stop` - 1, where the first call computes `rows`: as many as flow
    through layers with strides, at least 1."""
    flow: dict[str, float] = {}
    caps = []
    for call in striped.row_calls(first, stop):
        into = [flow[s.root] * s.reach.divisor / s.reach.step for s in call.sources if s.root in flow]
        mine = min(into) if into else _from_outside(striped, call, flow, rows)
        flow[call.output] = mine
        caps.append(min(call.height, math.ceil(mine)))
    return tuple(caps)


def _from_outside(striped: Striped, call: RowCall, flow: dict[str, float], rows: int) -> float:
    """Rows of a call that reads nothing of the region: as many as reach the same height as the others' do."""
    if not flow:
        return rows
    root, mine = next(iter(flow.items()))
    return mine * call.height / striped.height(root)


def simulate(striped: Striped, first: int, stop: int, caps: Sequence[int]) -> Simulation | None:
    """The calls of the region in all its stripes; None where it would never end."""
    calls = tuple(striped.row_calls(first, stop))
    traffic = {call.output: Traffic() for call in calls}
    made = {call.output: _Progress(traffic[call.output], call.height) for call in calls}
    outside = {s.root for call in calls for s in call.sources} - set(made)
    progress = made | {root: _Progress(None, striped.height(root), striped.height(root)) for root in outside}
    runners = [_Runner(call, cap, progress) for call, cap in zip(calls, caps)]
    while any([runner.run() for runner in runners]):
        pass
    if any(tensor.done < tensor.rows for tensor in made.values()):
        return None
    simulation = Simulation(calls, tuple(caps), [runner.runs for runner in runners], traffic)
    simulation.kept |= {root: _kept(striped, simulation, root, False) for root in made}
    simulation.pairs |= {call.call: _pairs(call, runner.runs, simulation.kept) for call, runner in zip(calls, runners)}
    return simulation


@dataclass
class _Progress:
    """Of one tensor: `rows` in all, of which `done` are written, in this stripe those from `fresh` on; the first that
    is still needed, and the first that the calls of this stripe leave needed."""

    traffic: Traffic | None
    rows: int
    done: int = 0
    fresh: int = 0
    base: int = 0
    need: int = 0


class _Runner:
    """A call in all stripes. Planning takes as long as this class does: it is plain rather than short."""

    def __init__(self, call: RowCall, cap: int, progress: Mapping[str, _Progress]):
        self.call, self.cap = call, cap
        self.output = progress[call.output]
        self.traffic = present(self.output.traffic)
        self.sources = [(progress[s.root], s.reach, s.is_first, s.is_last) for s in call.sources]
        self.runs: dict[Ran, int] = {}
        self.is_alone = all(source.is_first and source.is_last for source in call.sources)
        self.idle_at = -1

    def run(self) -> bool:
        """One stripe; whether anything was computed."""
        output, height = self.output, self.call.height
        start = rows = output.done
        given = sum([source[0].done for source in self.sources])
        if given == self.idle_at:  # nothing came since it had nothing to do, and no other call reads what it reads
            output.fresh = start
            return False
        if start < height:
            rows = min([reach.computable(t.done, t.rows, height) for t, reach, _, _ in self.sources])
            rows = min(rows, start + self.cap)
        output.fresh = start
        read = []
        for tensor, reach, is_first, is_last in self.sources:
            if rows > start:
                begin = reach.begin(start)
                read.append((begin - tensor.fresh, reach.end(rows - 1, tensor.rows) - begin))
            if tensor.traffic is not None:
                following = tensor.done if rows == height else min(tensor.done, reach.begin(rows))
                self._keep(tensor, tensor.traffic, following, is_first, is_last, rows - start)
        if rows == start:
            self.idle_at = given if self.is_alone else -1
            return False
        ran = Ran(rows - start, self.sources[0][1].above(start), tuple(read))
        self.runs[ran] = self.runs.get(ran, 0) + 1
        output.done = rows
        self.traffic.fresh = max(self.traffic.fresh, rows - start)
        return True

    @staticmethod
    def _keep(tensor: _Progress, traffic: Traffic, following: int, is_first: bool, is_last: bool, rows: int) -> None:
        tensor.need = following if is_first else min(tensor.need, following)
        if is_first and is_last and not rows:
            if tensor.done > tensor.fresh:
                traffic.moved += tensor.done - tensor.fresh
                traffic.held = max(traffic.held, tensor.done - tensor.base)
            return
        if is_first and tensor.fresh > tensor.base:
            traffic.ahead = max(traffic.ahead, tensor.fresh - tensor.base)
            traffic.moved += tensor.fresh - tensor.base
        if is_last:
            tensor.base = tensor.need
            if tensor.done > tensor.base:
                traffic.held = max(traffic.held, tensor.done - tensor.base)
                traffic.moved += tensor.done - tensor.base


def region_of(
    striped: Striped, simulation: Simulation, first: int, stop: int, moves: frozenset[str] = frozenset()
) -> tuple[Region, dict[int, list[InPlaceOverlap]]]:
    """The region of the first calls of a simulation, and the pairs that its calls may share, by call.

    Rows of the tensors in `moves` wait where they are, instead of at a place of their own.
    """
    calls = simulation.calls[: stop - first]
    inside = {call.output for call in calls if striped.is_kept(call.output, first, stop)}
    kept, pairs = simulation.kept, simulation.pairs
    if moves:
        kept = {root: _kept(striped, simulation, root, root in moves) for root in inside}
        pairs = {call.call: _pairs(call, simulation.runs[call.call - first], kept) for call in calls}
    region = Region(
        first,
        stop,
        simulation.caps[: stop - first],
        tuple(dict.fromkeys(root for call in calls for root in (*(s.root for s in call.sources), call.output))),
        tuple(kept[call.output] for call in calls if call.output in inside),
        striped.reason_behind(first, stop),
    )
    shared = {call.call: [p for p in pairs[call.call] if {p.source, p.result} <= inside] for call in calls}
    return region, {call: found for call, found in shared.items() if found}


def pairs_of(plan: Plan) -> dict[int, list[InPlaceOverlap]]:
    """The pairs that calls of the plan's regions may share, by call."""
    striped = Striped(graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions))
    pairs: dict[int, list[InPlaceOverlap]] = {}
    for known in plan.regions:
        simulation = present(simulate(striped, known.first, known.stop, known.caps))
        moves = frozenset(kept.tensor for kept in known.kept if kept.moves)
        pairs |= region_of(striped, simulation, known.first, known.stop, moves)[1]
    return pairs


def copies_blocks(calls: Iterable[KernelCall], kept: Iterable[Kept]) -> tuple[str, str]:
    """The function that copies the rows of a region in blocks of 16 bytes, and its header; "" where none does."""
    rows = (call.rows for call in calls)
    found = next(((r.copy, r.copy_header) for r in rows if r is not None and r.copy), ("", ""))
    return found if all(k.row_bytes % ALIGNMENT == 0 for k in kept) else ("", "")


def _kept(striped: Striped, simulation: Simulation, root: str, moves: bool) -> Kept:
    traffic = simulation.traffic[root]
    ahead = max(traffic.ahead, traffic.held if moves else 0)
    return Kept(root, striped.row_bytes(root), ahead, traffic.fresh, traffic.held, moves and traffic.held > 0)


def _pairs(call: RowCall, runs: Iterable[Ran], kept: Mapping[str, Kept]) -> list[InPlaceOverlap]:
    result = kept.get(call.output)
    pairs = []
    for sharing in call.rows.sharing:
        place, source = next((i, s) for i, s in enumerate(call.sources) if s.index == sharing.input)
        mine = kept.get(source.root)
        is_free = source.is_last and [s.root for s in call.sources].count(source.root) == 1
        if result is None or mine is None or result.moves or mine.moves or not is_free:
            continue
        distances = [_distance(sharing, source.reach, run, run.read[place][0], mine, result) for run in runs]
        if not distances or (sharing.kind == "same" and len(set(distances)) > 1):
            continue
        step = math.lcm(ALIGNMENT, sharing.pixel)
        distance = min(distances) // step * step
        if sharing.kind == "same" and distance != distances[0]:
            continue
        pairs.append(InPlaceOverlap(source.root, result.tensor, ahead_bytes(result) - ahead_bytes(mine) - distance))
    return pairs


def _distance(sharing: Sharing, reach: Reach, run: Ran, begin: int, source: Kept, result: Kept) -> int:
    """From the first fresh row of the source to that of the result, at most, for one run of a call."""
    read, behind = begin * source.row_bytes, [(row + 1) * result.row_bytes for row in range(run.rows)]
    if sharing.kind == "same":
        return read
    if sharing.kind == "lanes":
        return read + max(0, sharing.rows - run.above) * source.row_bytes
    if sharing.kind == "pixels":
        pixels = run.rows * source.row_bytes // sharing.pixel
        grown = sharing.pixel * result.row_bytes // source.row_bytes - sharing.pixel
        return read - max(0, (pixels - 1) * grown)
    free = [row * reach.step - run.above + (sharing.rows if sharing.kind == "copied" else 0) for row in range(run.rows)]
    return read + min(max(0, row) * source.row_bytes - end for row, end in zip(free, behind))
