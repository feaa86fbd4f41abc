# SPDX-License-Identifier: Apache-2.0
"""Which calls of a network compute only new rows of a stream, which rows they compute, and what is kept for that.

A call is part of the stream where its kernel can compute some rows alone, and where it reads rows of the stream and
nothing that depends on it as a whole. All others that depend on the stream compute the whole window again.
Near a padded edge rows of the window are not those of the stream: with `edges` "window" they are computed in every
push, so that all that is read is the window's, bit for bit; with "stream" there is no edge but the stream's first row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from espdl.plan.graph import CallGraph, aligned
from espdl.plan.rows import Reach, as_signal
from espdl.plan.stream_types import Stream, StreamRows, StreamRun
from espdl.plan.stripes import RowCall, Striped
from espdl.plan.types import KernelCall

EDGES = ("default", "window", "stream")
# Quantities that say where in an image rows are: what a kernel does with them may differ from push to push.
_PLACES = ("start", "input_start")


class NoStream(Exception):
    """Why a network cannot be a stream, and what to do; `call`: the one that is in the way; `hop`: one that works."""

    def __init__(self, reason: str, remedy: str, call: KernelCall | None = None, hop: int | None = None):
        super().__init__(reason)
        self.reason, self.remedy, self.call, self.hop = reason, remedy, call, hop


@dataclass(frozen=True)
class Edges:
    """Rows at the upper and the lower end of a window that its border reaches."""

    top: int = 0
    bottom: int = 0


@dataclass(frozen=True)
class Wanted:
    """A push brings `hop` rows of the input `tensor`; `edges`, one of EDGES, says what rows near padded edges are.

    `running`: what does the same as a call that reads the whole window, where only so many rows of its input are new
    and as many have left, which lie in front of it; None where nothing does it for less.
    """

    tensor: str
    hop: int
    edges: str = "default"
    running: Callable[[KernelCall, int], KernelCall | None] = lambda call, step: None


def plan_stream(graph: CallGraph, wanted: Wanted) -> tuple[Stream, list[KernelCall]]:
    """The stream, and the calls that it is about, in their order. Raises NoStream."""
    return _Planner(Striped(graph, streams=True), wanted).stream()


class _Planner:
    def __init__(self, striped: Striped, wanted: Wanted):
        self.striped, self.graph, self.wanted, self.hop = striped, striped.graph, wanted, wanted.hop
        self.input = self.graph.spans[wanted.tensor].root
        self.dependent = self._dependent()
        self.calls: list[RowCall] = []
        self.steps: dict[str, int] = {}  # by root, rows of a push
        self.reasons: dict[int, str] = {}  # why a call computes the whole window
        self.running: dict[int, KernelCall] = {}  # what computes it by what it keeps
        self.old: dict[str, int] = {}  # by root, rows in front of the window that such a call reads
        self._classify()

    def _dependent(self) -> set[str]:
        """The roots that depend on the stream."""
        found = {self.input}
        for index in range(len(self.graph.calls)):
            if any(span.root in found for span in self.graph.reads(index)):
                found |= {span.root for span in self.graph.writes(index)}
        return found

    def _classify(self) -> None:
        self.striped.shapes.setdefault(self.input, self._shape_of_input())
        if self.hop > self.striped.height(self.input):
            rows = self.striped.height(self.input)
            raise NoStream(f"a hop of {self.hop} rows is more than the window's {rows}", f"push at most {rows} rows")
        self.steps[self.input] = self.hop
        for index, call in enumerate(self.striped.calls):
            if not any(span.root in self.dependent for span in self.graph.reads(index)):
                continue
            reason = self._refusal(index, call)
            if reason:
                self.reasons[index] = reason
                continue
            assert isinstance(call, RowCall)
            self.steps[call.output] = self._step(call)
            self.calls.append(call)

    def _shape_of_input(self) -> tuple[int, int]:
        tensor = self.graph.tensors[self.input]
        shape = self.striped._shape(self.input)
        if len(shape) < 3 or shape[0] != 1:
            raise NoStream(f"its shape {list(tensor.shape)} has no axis of time", "give it a shape [1, time, ...]")
        return shape[1], tensor.nbytes // shape[1]

    def _refusal(self, index: int, call: RowCall | str) -> str:
        """Why a call that depends on the stream computes the whole window; "" where it need not."""
        if isinstance(call, str):
            return call
        node = self.graph.calls[index]
        by_rows = {source.index for source in call.sources}
        roots = {i: self.graph.spans[name].root for i, name in enumerate(node.reads)}
        if any(root in self.dependent and i not in by_rows for i, root in roots.items()):
            return "it needs all rows of one of its inputs"
        if any(source.root not in self.steps for source in call.sources):
            return "it reads what is computed for the whole window"
        if call.height == 1:
            return "it computes one row for the whole window"
        if any(source.reach.planes for source in call.sources):
            return "its input has its channels first"
        if any(change.quantity in _PLACES for change in call.rows.changes):
            return "its table is for the whole window"
        steps = {self.steps[s.root] * s.reach.divisor / s.reach.step for s in call.sources}
        if max(steps) > call.height and node.scratch_bytes and node.backend == "esp32s3":
            return "its scratch memory is for the rows of a window, and a push has more"
        return "its inputs have different rates" if len(steps) > 1 else ""

    def _step(self, call: RowCall) -> int:
        """Rows that the call computes in a push."""
        source = call.sources[0]
        rows = self.steps[source.root] * source.reach.divisor
        if rows % source.reach.step:
            hop, remedy = self._other_hop()
            raise NoStream(
                f"a hop of {self.hop} rows is no multiple of the stride of this layer, counted in rows of the input",
                remedy,
                self.graph.calls[call.call],
                hop,
            )
        return rows // source.reach.step

    def _multiple(self) -> int:
        """What every hop must be a multiple of. A layer of one row computes that for the whole window."""
        rate = {self.input: (1, 1)}
        result = 1
        for call in self.striped.calls:
            if isinstance(call, RowCall) and call.height > 1 and call.sources and call.sources[0].root in rate:
                up, down = rate[call.sources[0].root]
                up, down = up * call.sources[0].reach.divisor, down * call.sources[0].reach.step
                common = math.gcd(up, down)
                rate[call.output] = (up // common, down // common)
                result = math.lcm(result, down // common)
        return result

    def _other_hop(self) -> tuple[int | None, str]:
        """A hop that all strides allow, at least the wanted one where the window has as many rows; what to do."""
        multiple, rows = self._multiple(), self.striped.height(self.input)
        if multiple > rows:
            return (
                None,
                f"hops are multiples of {multiple} rows: give the model a window of as many, or run it on whole ones",
            )
        hop = min(-(-self.hop // multiple), rows // multiple) * multiple
        others = f", or another multiple of {multiple}" if rows >= 2 * multiple else ""
        return hop, f"use a hop of {hop}{others}"

    def stream(self) -> tuple[Stream, list[KernelCall]]:
        if not self.calls:
            index = min(self.reasons, default=None)
            why = self.reasons[index] if index is not None else "no layer reads it"
            call = None if index is None else self.graph.calls[index]
            remedy = "run the network on whole windows"
            if self.wanted.edges != "stream":
                remedy += ", or say EDGES stream where the layer is recurrent: it keeps its state then"
            raise NoStream(f"no layer computes new rows alone: {why}", remedy, call)
        limits = self._borders()
        edges = self._chosen(self.wanted.edges, limits)
        self._keep_sums(edges, limits)
        if edges == "window":
            runs, lows = self._window(limits)
            rows = [self._rows_of_window(root, limits, runs, lows) for root in self.steps]
            fills = settles = -(-self.striped.height(self.input) // self.hop)
        else:
            runs = [StreamRun() for _ in self.calls]
            behind = self._behind()
            fills, settles = self._fills(behind), self._settles(behind)
            rows = [self._rows_of_stream(root, behind, max(fills, settles)) for root in self.steps]
        kept = {r.tensor: r for r in rows}
        runs = [replace(run, staged=self._staged(call, kept)) for call, run in zip(self.calls, runs)]
        order, first, stop = self._order()
        stream = Stream(
            self.input,
            self.hop,
            edges,
            first,
            stop,
            tuple(rows),
            tuple(runs),
            fills,
            max(fills, settles),
            self._notes(),
        )
        return stream, [self.running.get(index, self.graph.calls[index]) for index in order]

    def _keep_sums(self, edges: str, limits: Mapping[str, Edges]) -> None:
        """Calls that read a whole window of which only new rows change do so by what they keep, where that is less."""
        for index in self.reasons:
            spans = self.graph.reads(index)
            root = spans[0].root
            is_whole = len(spans) == 1 and root in self.steps and self.first_rows[root] == 0
            if is_whole and (edges == "stream" or limits[root] == Edges()):
                found = self.wanted.running(self.graph.calls[index], self.steps[root])
                if found is not None:
                    self.running[index], self.old[root] = found, self.steps[root]

    def _staged(self, call: RowCall, kept: Mapping[str, StreamRows]) -> int:
        """Bytes of `StreamRun.staged`: at most what is kept of an input is read of it."""
        rows = kept[call.sources[0].root]
        return aligned(rows.nbytes) if rows.row_bytes % self.graph.calls[call.call].alignment else 0

    def _order(self) -> tuple[list[int], int, int]:
        """Calls that do not depend on the stream, those of new rows, those of the window."""
        mine = [call.call for call in self.calls]
        before = [i for i in range(len(self.graph.calls)) if i not in mine and i not in self.reasons]
        return [*before, *mine, *sorted(self.reasons)], len(before), len(before) + len(mine)

    def _notes(self) -> tuple[str, ...]:
        """Of the first calls that compute the whole window in each push, where they take long."""
        notes = []
        for index, reason in sorted(self.reasons.items()):
            call = self.graph.calls[index]
            shapes = [as_signal(self.graph.tensors[name].shape) for name in call.reads]
            has_rows = any(len(shape) > 2 and shape[1] > 1 for shape in shapes)
            if call.macs > 0 and has_rows and index not in self.running and not reason.startswith("it reads what"):
                nodes = ", ".join(call.source_nodes) or call.function
                notes.append(f"{nodes} is computed for the whole window in every push: {reason}")
        return tuple(notes)

    @cached_property
    def first_rows(self) -> dict[str, int]:
        """By root, the first row of the window that is an output, or read by a call that computes the whole window."""
        names = [*self.graph.outputs, *(name for index in self.reasons for name in self.graph.calls[index].inputs)]
        found: dict[str, int] = {}
        for name in names:
            span = self.graph.spans[name]
            if span.root in self.steps:
                row = span.start // self.striped.row_bytes(span.root)
                found[span.root] = min(row, found.get(span.root, row))
        return found

    def _borders(self) -> dict[str, Edges]:
        """By root, how many rows of the window a border reaches: which are not those of the stream."""
        limits = {self.input: Edges()}
        for call in self.calls:
            found = [self._border(call, s.reach, limits[s.root], self.striped.height(s.root)) for s in call.sources]
            limits[call.output] = Edges(max(e.top for e in found), max(e.bottom for e in found))
        return limits

    @staticmethod
    def _border(call: RowCall, reach: Reach, edges: Edges, rows: int) -> Edges:
        top = -((reach.first - edges.top * reach.divisor) // reach.step)
        room = (rows - edges.bottom) * reach.divisor - reach.last
        untouched = -(-room // reach.step)
        bound = lambda value: max(0, min(call.height, value))  # noqa: E731
        return Edges(bound(top), bound(call.height - untouched))

    def _chosen(self, edges: str, limits: Mapping[str, Edges]) -> str:
        if edges != "default":
            return edges
        touched = [root for root, row in self.first_rows.items() if limits[root].bottom or limits[root].top > row]
        if touched:
            writer = self.striped.writers(touched[0])
            raise NoStream(
                "layers before its result are padded along the stream, so that rows near the window's edges are others"
                " than those of the endless stream",
                "say EDGES window (bit for bit the network of the window; rows near its edges are computed in every"
                " push) or EDGES stream (the endless stream, without edges)",
                self.graph.calls[writer[0]] if writer else None,
            )
        return "window"

    def _window(self, limits: Mapping[str, Edges]) -> tuple[list[StreamRun], dict[str, int]]:
        """With EDGES window: what each call computes, and by root the first row that somebody reads."""
        lows = {root: self.first_rows.get(root, self.striped.height(root)) for root in self.steps}
        runs = []
        for call in reversed(self.calls):
            edges, low = limits[call.output], lows[call.output]
            tail = max(call.height - edges.bottom - self.steps[call.output], low)
            top_stop = max(low, edges.top)
            run = StreamRun(low, top_stop, tail) if top_stop < tail else StreamRun(low, low, low)
            runs.append(run)
            for start in [run.top] * (run.top < run.top_stop) + [run.tail]:
                for source in call.sources:
                    lows[source.root] = min(lows[source.root], source.reach.begin(start))
        return runs[::-1], lows

    def _rows_of_window(
        self, root: str, limits: Mapping[str, Edges], runs: Sequence[StreamRun], lows: Mapping[str, int]
    ) -> StreamRows:
        height, row_bytes = self.striped.shapes[root]
        run = next((r for c, r in zip(self.calls, runs) if c.output == root), StreamRun(tail=height - self.hop))
        low = min(lows[root], run.tail)
        persists = run.top < run.top_stop or lows[root] < run.tail
        keeps = height - low + self.old.get(root, 0)
        return StreamRows(root, row_bytes, height, keeps, self.steps[root], persists=persists or root in self.old)

    def _behind(self) -> dict[str, int]:
        """With EDGES stream: by root, `StreamRows.behind`."""
        behind = {self.input: 0}
        for call in self.calls:
            behind[call.output] = min(
                (behind[s.root] * s.reach.divisor - 1 - s.reach.last) // s.reach.step + 1 for s in call.sources
            )
        return behind

    def _fills(self, behind: Mapping[str, int]) -> int:
        """Pushes until all that is read of the window is there."""
        needs = {root: self.striped.height(root) - behind[root] for root in self.first_rows}
        return max([1, *(-(-rows // self.steps[root]) for root, rows in needs.items())])

    def _settles(self, behind: Mapping[str, int]) -> int:
        """Pushes until no row that is read lies before the stream's first."""
        pushes = 1
        for call in self.calls:
            step, late = self.steps[call.output], behind[call.output]
            least = [max(0, -(s.reach.first // s.reach.step)) for s in call.sources]
            pushes = max(pushes, 1 + -(-(max(least) - late) // step), 2 if late > 0 else 1)
        return pushes

    def _rows_of_stream(self, root: str, behind: Mapping[str, int], pushes: int) -> StreamRows:
        height, row_bytes = self.striped.shapes[root]
        rows = StreamRows(root, row_bytes, height, 0, self.steps[root], behind[root])
        read = height - self.first_rows.get(root, height) + self.old.get(root, 0)
        keeps, persists = 1, read > rows.step
        for push in range(1, pushes + 2):
            end, before = rows.end(push), rows.end(push - 1)
            keeps = max(keeps, end - before, min(end, read))
            for call in self.calls:
                step, late = self.steps[call.output], behind[call.output]
                result = StreamRows("", 0, 0, 0, step, late)
                start = result.end(push - 1)
                for source in call.sources:
                    if source.root == root and result.end(push) > start:
                        begin = source.reach.begin(start)
                        keeps, persists = max(keeps, end - begin), persists or begin < before
        return replace(rows, keeps=keeps, persists=persists)
