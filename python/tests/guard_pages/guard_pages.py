# SPDX-License-Identifier: CC0-1.0
"""Runs a compiled network with every tensor, constant and scratch area between pages that may not be touched.

The memory plan makes it possible: it is replaced by one in which each buffer has pages of its own, and the generated
code is compiled as always. Buffers lie flush with the end of their pages, then flush with the start.
"""

from __future__ import annotations

import dataclasses
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from espdl import backends, emit
from espdl.emit import c_text
from espdl.emit.weights import Weights
from espdl.plan import graph as graphs
from espdl.plan.types import ITEM_BYTES, KernelCall, Plan, Tensor
from espdl.verify import compare, host

HERE = Path(__file__).parent
PAGE = mmap.PAGESIZE
EDGES = ("end", "start")
# Backends whose kernels want buffers at multiples of 16 and may read (not write) all of their last 16 bytes.
BLOCKS_OF_16 = {"esp32s3"}
# Scratch is not typed: the strictest alignment that a kernel's documentation asks for.
SCRATCH_ALIGNMENT = {"portable": 4, "esp32": 4, "tvm": 16}
NO_BUFFER = 0x5A


@dataclasses.dataclass(frozen=True)
class Buffer:
    """`size` bytes at `offset` of the arena or of the weights."""

    name: str
    size: int
    offset: int


class Memory:
    """Gives out buffers on pages of their own, one that nobody owns before each and one behind."""

    def __init__(self, edge: str):
        self.edge = edge
        self.buffers: list[Buffer] = []
        self.bytes = PAGE

    def add(self, name: str, size: int, alignment: int) -> int:
        """The place of a new buffer: as near to the edge of its pages as its alignment lets it."""
        pages = -(-size // PAGE) * PAGE
        offset = self.bytes + ((pages - size) // alignment * alignment if self.edge == "end" else 0)
        self.buffers.append(Buffer(name, size, offset))
        self.bytes += pages + 2 * PAGE
        return offset


def check(plan: Plan, inputs: Mapping[str, np.ndarray], folder: Path) -> None:
    """Each layer computes the reference's bytes and touches nothing but its buffers; RuntimeError or AssertionError.

    `inputs`: by name of the port, [N, ...], in the tensor's dtype. Programs are built beside `folder`.
    """
    for edge in EDGES:
        program = build(plan, edge, folder.with_name(f"{folder.name}_{edge}"))
        assert compare.first_difference(plan, inputs, program.run(inputs, layers=True)) is None


def build(plan: Plan, edge: str, folder: Path) -> host.Program:
    """The program that runs `plan` with its buffers at one edge of their pages (`folder`: see verify.host.build)."""
    plan, arena = spread(plan, edge)
    constants = Memory(edge)

    def pack(plan: Plan, packings: Mapping) -> Weights:
        return spread_constants(plan, packings, constants)

    with mock.patch.object(emit, "pack", pack):
        files = emit.render(plan, "net", packings=backends.packings(), options=emit.CodeOptions(layers=True))
    files = files.with_file("guard_pages.h", table(plan, arena, constants).encode())
    return host.build(plan, files, "net", folder, main=HERE / "guard_pages.c")


def spread(plan: Plan, edge: str) -> tuple[Plan, Memory]:
    """`plan` with another arena, in which no two buffers share a page."""
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs)
    memory = Memory(edge)
    users = graph.users()
    places = {
        root: memory.add(root, graph.size(root), _alignment(graph, root, [plan.calls[i] for i in users[root]]))
        for root in graph.roots
    }
    calls = []
    for index, call in enumerate(plan.calls):
        scratch = None
        if call.scratch_bytes:
            alignment = SCRATCH_ALIGNMENT.get(call.backend, 16)
            scratch = memory.add(f"the scratch of layer {index}", call.scratch_bytes, alignment)
        calls.append(dataclasses.replace(call, scratch_offset=scratch))
    tensors = tuple(
        dataclasses.replace(t, offset=places[graph.spans[name].root] + graph.spans[name].start)
        for name, t in graph.tensors.items()
    )
    return dataclasses.replace(plan, calls=tuple(calls), tensors=tensors, arena_bytes=memory.bytes), memory


def _alignment(graph: graphs.CallGraph, root: str, users: Sequence[KernelCall]) -> int:
    if {call.backend for call in users} & BLOCKS_OF_16:
        return 16
    return max(ITEM_BYTES[t.dtype] for name, t in graph.tensors.items() if graph.spans[name].root == root)


def spread_constants(plan: Plan, packings: Mapping, memory: Memory) -> Weights:
    """The blob of all constants, each on pages of its own."""
    blob = bytearray([NO_BUFFER] * PAGE)
    offsets = []
    for index, call in enumerate(plan.calls):
        places = []
        for number, array in enumerate(packings[call.packing](call) if call.constants else []):
            data = np.ascontiguousarray(array)
            alignment = 16 if call.backend in BLOCKS_OF_16 else data.itemsize
            places.append(memory.add(f"constant {number} of layer {index}", data.nbytes, alignment))
            blob += bytes([NO_BUFFER] * (memory.bytes - len(blob)))
            blob[places[-1] : places[-1] + data.nbytes] = data.tobytes()
        offsets.append(tuple(places))
    return Weights(bytes(blob), tuple(offsets))


def _pieces(tensor: Tensor) -> list[Buffer]:
    """A tensor's memory; row by row where its rows lie apart."""
    if not tensor.pitch:
        return [Buffer(tensor.name, tensor.nbytes, tensor.offset)]
    rows = range(tensor.nbytes // tensor.row_bytes)
    return [Buffer(tensor.name, tensor.row_bytes, tensor.offset + i * tensor.pitch) for i in rows]


def table(plan: Plan, arena: Memory, constants: Memory) -> str:
    """guard_pages.h: the buffers, and what each layer may write: its outputs and its scratch."""
    writes: list[Buffer] = []
    first = [0]
    for index, call in enumerate(plan.calls):
        writes += [piece for name in call.outputs for piece in _pieces(plan.tensor(name))]
        if call.scratch_bytes:
            writes.append(Buffer(f"the scratch of layer {index}", call.scratch_bytes, call.scratch_offset))
        first.append(len(writes))
    lines = [f"enum {{ PAGE = {PAGE}, ARENA_BYTES = {arena.bytes}, WEIGHTS_BYTES = {constants.bytes} }};"]
    lines += ["typedef struct { uint32_t offset, bytes; const char *name; } buffer_t;"]
    for name, buffers in (("buffers", arena.buffers), ("constants", constants.buffers), ("writes", writes)):
        lines += [f"static const buffer_t s_{name}[] = {{"]
        lines += [f"    {{{b.offset}, {b.size}, {c_text.string(b.name)}}}," for b in buffers]
        lines += ["    {0, 0, NULL}", "};"]
    lines += [f"static const size_t s_first_write[] = {{{', '.join(map(str, first))}}};", ""]
    return "\n".join(lines)
