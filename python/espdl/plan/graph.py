# SPDX-License-Identifier: Apache-2.0
"""Who shares memory with whom, who reads and writes what, and which order of calls keeps the meaning.

A *root* is a tensor that is no alias. All aliases of a root, however long the chain, are byte ranges of that root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.plan.rows import Kept, Region
from espdl.plan.types import ALIGNMENT, POINTER_BYTES, KernelCall, Port, Tensor


def aligned(size: int) -> int:
    """`size` in bytes, rounded up to the alignment of tensors."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def ahead_bytes(kept: Kept) -> int:
    """From the start of a tensor that a region keeps some rows of to its fresh rows."""
    return aligned(kept.ahead * kept.row_bytes)


@dataclass(frozen=True)
class InPlaceOverlap:
    """An input and an output of one call, as roots, that share memory: `result` begins `offset` bytes before `source`,
    or behind its start where `offset` is negative (in regions only).
    """

    source: str
    result: str
    offset: int = 0


@dataclass(frozen=True)
class Span:
    """The bytes [start, stop) of the root tensor `root`; with a pitch, of every `pitch` of them the first `row`."""

    root: str
    start: int
    stop: int
    row: int = 0
    pitch: int = 0

    def overlaps(self, other: Span) -> bool:
        if self.root != other.root or self.start >= other.stop or other.start >= self.stop:
            return False
        if not self.pitch or self.pitch != other.pitch:
            return True
        behind = (other.start - self.start) % self.pitch
        return behind < self.row or self.pitch - behind < other.row

    def of(self, memory: np.ndarray) -> np.ndarray:
        """Its bytes, or [rows, row] where it has a pitch, as a view of the root's `memory`, uint8 [bytes]."""
        piece = memory[self.start : self.stop]
        if not self.pitch:
            return piece
        rows = (self.stop - self.start - self.row) // self.pitch + 1
        return as_strided(piece, (rows, self.row), (self.pitch, 1))


@dataclass(frozen=True)
class CallGraph:
    """A checked network: `spans` of all tensors, and per call what it reads and writes.

    `known_pairs` are those of calls in `regions`, whose stripes say what they may share, and of calls that two cores
    share, by call. `shared` are the calls of which each of two cores has scratch of its own. `beside` are the first of
    each two calls that run at the same time.
    """

    tensors: dict[str, Tensor]
    calls: tuple[KernelCall, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    spans: dict[str, Span]
    regions: tuple[Region, ...] = ()
    known_pairs: Mapping[int, Sequence[InPlaceOverlap]] = field(default_factory=dict)
    shared: frozenset[int] = frozenset()
    beside: tuple[int, ...] = ()

    @cached_property
    def kept(self) -> dict[str, Kept]:
        """By root, those that a region keeps only some rows of."""
        return {kept.tensor: kept for region in self.regions for kept in region.kept}

    @property
    def roots(self) -> list[str]:
        return [name for name, tensor in self.tensors.items() if tensor.alias_of is None]

    def size(self, root: str) -> int:
        """Bytes that it takes in the arena."""
        if root in self.kept:
            return ahead_bytes(self.kept[root]) + self.kept[root].fresh * self.kept[root].row_bytes
        tensor = self.tensors[root]
        return {"caller": POINTER_BYTES, "rows": 0}.get(tensor.source, tensor.nbytes)

    def scratch(self, call: int) -> int:
        """Bytes of scratch that a call needs, a multiple of the alignment."""
        return aligned(self.calls[call].scratch_bytes) * (2 if call in self.shared else 1)

    def reads(self, call: int) -> list[Span]:
        return [self.spans[name] for name in self.calls[call].inputs]

    def writes(self, call: int) -> list[Span]:
        return [self.spans[name] for name in self.calls[call].outputs]

    def users(self) -> dict[str, list[int]]:
        """Per root, the calls that read or write any part of it, in order."""
        users: dict[str, list[int]] = {root: [] for root in self.roots}
        for index in range(len(self.calls)):
            for root in dict.fromkeys(span.root for span in self.reads(index) + self.writes(index)):
                users[root].append(index)
        return users

    def pairs(self, call: int) -> list[InPlaceOverlap]:
        """Inputs and outputs that `call` lets share memory, as far as the call alone can tell.

        Both tensors must start where their root does and lie in one piece, the output must be new memory, and every
        other input in the input's root must be allowed to share with the same output too: the kernel would overwrite it
        otherwise. What is known of calls of a region, and of two cores, holds instead.
        """
        node = self.calls[call]
        if call in self.known_pairs or any(region.first <= call < region.stop for region in self.regions):
            return list(self.known_pairs.get(call, ()))
        pairs = []
        for i, o in node.in_place:
            allowed = {k for k, output in node.in_place if output == o}
            pairs += self._pair(node, i, o, 0, allowed)
        for i, o, offset in node.overlaps:
            allowed = {k for k, output, least in node.overlaps if output == o and least <= offset}
            pairs += self._pair(node, i, o, aligned(offset), allowed)
        return [pair for pair in dict.fromkeys(pairs) if self.saved(pair) > 0]

    def _pair(self, node: KernelCall, i: int, o: int, offset: int, allowed: set[int]) -> list[InPlaceOverlap]:
        """The pair of input `i` and output `o`, if any; `allowed` are the inputs that may share with `o` likewise."""
        source, result = self.spans[node.inputs[i]], self.spans[node.outputs[o]]
        together = [k for k, name in enumerate(node.inputs) if self.spans[name].root == source.root]
        pieces = [result, *(self.spans[node.inputs[k]] for k in together)]
        if any(k not in allowed for k in together) or any(span.start or span.pitch for span in pieces):
            return []
        if self.tensors[source.root].source:
            return []
        return [InPlaceOverlap(source.root, result.root, offset)]

    def saved(self, pair: InPlaceOverlap) -> int:
        """Bytes that the two roots of `pair` need less than apart; negative where they would need more."""
        source, result = aligned(self.size(pair.source)), aligned(self.size(pair.result))
        return source + result - max(pair.offset + source, result) + min(pair.offset, 0)


def build(
    calls: Sequence[KernelCall],
    tensors: Iterable[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    regions: Sequence[Region] = (),
) -> CallGraph:
    """Check the network and resolve its aliases; tensors that nothing uses are left out.

    Raises ValueError, naming call and tensor, where a name is unknown or defined twice, an alias has no end or leaves
    its root, a tensor is read before all of its bytes are written, or an output is never written.
    """
    by_name: dict[str, Tensor] = {}
    for tensor in tensors:
        if tensor.name in by_name:
            raise ValueError(f"tensor '{tensor.name}' is defined twice")
        by_name[tensor.name] = tensor
    used = _used_names(calls, inputs, outputs, by_name)
    spans = {name: _span(by_name, name) for name in by_name if name in used}
    graph = CallGraph(
        tensors={name: tensor for name, tensor in by_name.items() if name in used},
        calls=tuple(calls),
        inputs=tuple(port.tensor for port in inputs),
        outputs=tuple(port.tensor for port in outputs),
        spans=spans,
        regions=tuple(regions),
    )
    _check_order(graph)
    return graph


def _used_names(
    calls: Sequence[KernelCall], inputs: Sequence[Port], outputs: Sequence[Port], by_name: dict[str, Tensor]
) -> set[str]:
    mentioned = [(f"{port.name!r} is a port of the model", port.tensor) for port in (*inputs, *outputs)]
    for index, call in enumerate(calls):
        where = _describe(calls, index)
        mentioned += [(f"{where} reads it", name) for name in call.inputs]
        mentioned += [(f"{where} writes it", name) for name in call.outputs]
        for i, o in (pair[:2] for pair in (*call.in_place, *call.overlaps)):
            if not (0 <= i < len(call.inputs) and 0 <= o < len(call.outputs)):
                raise ValueError(f"{where}: it pairs input {i} with output {o}, which it does not have")
    used: set[str] = set()
    for why, port_or_argument in mentioned:
        name: str | None = port_or_argument
        while name is not None and name not in used:
            if name not in by_name:
                raise ValueError(f"tensor '{name}' is not defined, but {why}")
            used.add(name)
            why, name = f"'{name}' is an alias of it", by_name[name].alias_of
    return used


def _span(by_name: dict[str, Tensor], name: str) -> Span:
    last = tensor = by_name[name]
    start, seen = 0, {name}
    while tensor.alias_of is not None:
        start += tensor.alias_offset
        whole = by_name[tensor.alias_of]
        if whole.name in seen:
            raise ValueError(f"tensor '{name}' is an alias of itself")
        if tensor.pitch != whole.pitch and (whole.pitch or tensor.pitch != whole.row_bytes):
            raise ValueError(f"tensor '{tensor.name}' has rows {tensor.pitch} bytes apart, unlike '{whole.name}'")
        seen.add(whole.name)
        tensor = whole
    row, pitch = (last.row_bytes, last.pitch) if last.pitch else (0, 0)
    stop = start + (last.nbytes + (last.nbytes // row - 1) * (pitch - row) if pitch else last.nbytes)
    if start < 0 or stop > tensor.nbytes:
        raise ValueError(f"tensor '{name}' takes bytes {start} to {stop} of '{tensor.name}', which has {tensor.nbytes}")
    return Span(tensor.name, start, stop, row, pitch)


def _check_order(graph: CallGraph) -> None:
    written = {root: np.zeros(graph.tensors[root].nbytes, bool) for root in graph.roots}

    def bytes_of(name: str) -> np.ndarray:
        return graph.spans[name].of(written[graph.spans[name].root])

    for name in graph.inputs:
        bytes_of(name)[...] = True
    for index, call in enumerate(graph.calls):
        for name in call.inputs:
            if not bytes_of(name).all():
                raise ValueError(f"{_describe(graph.calls, index)} reads tensor '{name}' before it is written")
        for name in call.outputs:
            bytes_of(name)[...] = True
    for name in graph.outputs:
        if not bytes_of(name).all():
            raise ValueError(f"the model's output tensor '{name}' is never written")


def _describe(calls: Sequence[KernelCall], index: int) -> str:
    nodes = ", ".join(calls[index].source_nodes)
    return f"call {index} ({calls[index].function}{' for ' + nodes if nodes else ''})"
