# SPDX-License-Identifier: CC0-1.0
"""Runs generated C in this process, with an arena that can be looked at, and plans whose pieces lie far apart."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from espdl import backends, emit
from espdl.plan import graph as graphs
from espdl.plan import memory
from espdl.plan.types import Plan
from espdl.verify import host

CANARY = 0x5C
GAP = 64
FLAGS = ("-fPIC", "-O1")
# At this optimisation GCC 12 takes the address of a rounded pointer for null. The address sanitizer sees both as well.
NO_NULL = ("-fno-sanitize=null,object-size",)
ON_LAYER = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
ON_ROWS = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p
)


class _Config(ctypes.Structure):
    _fields_ = [
        ("arena", ctypes.c_void_p),
        ("arena_size", ctypes.c_size_t),
        ("weights", ctypes.c_void_p),
        ("on_layer", ON_LAYER),
        ("user", ctypes.c_void_p),
        ("on_rows", ON_ROWS),
        ("rows_user", ctypes.c_void_p),
    ]


class Loaded:
    """A plan as a shared library. `arena` uint8 [arena_bytes] is all memory it may use."""

    def __init__(self, plan: Plan, folder: Path):
        self.plan = plan
        files = emit.render(plan, "net", packings=backends.packings())
        files.write(folder)
        ports = [host.PORTS[name] for name in sorted({call.backend for call in plan.calls} & set(host.PORTS))]
        library = host.library(folder.parent, flags=FLAGS, ports=ports)
        includes = [f"-I{root / 'include'}" for root in (host.COMPONENT, *ports)]
        path = folder / "net.so"
        command = [host.find_compiler(), *host.FLAGS, *FLAGS, "-Werror", "-shared", *includes]
        sources = [str(folder / "net.c"), str(folder / "net_weights.S")]
        whole = ["-Wl,--whole-archive", str(library), "-Wl,--no-whole-archive", "-lm"]
        subprocess.run([*command, f"-I{folder}", *sources, *whole, "-o", str(path)], check=True)
        self.library = ctypes.CDLL(str(path))
        room = np.zeros(plan.arena_bytes + 16, np.uint8)
        self.arena = room[-room.ctypes.data % 16 :][: plan.arena_bytes]
        self.instance = ctypes.create_string_buffer(256)
        self.is_asked: Callable[[], bool] = lambda: True  # whether the application has the rows that it is asked for
        self.at_caller: dict[int, np.ndarray] = {}  # by port, not in the arena

    def init(self, on_layer: Callable[[], bool] | None = None) -> int:
        self.hook = ON_LAYER(lambda *_: on_layer()) if on_layer else ON_LAYER()
        self.rows = ON_ROWS(self._give_rows)
        config = _Config(self.arena.ctypes.data, self.plan.arena_bytes, None, self.hook, None, self.rows, None)
        model = ctypes.byref(ctypes.c_char.in_dll(self.library, "net_model"))
        return self.library.espdl_init(self.instance, model, ctypes.byref(config))

    def run(self, inputs: Mapping[str, np.ndarray]) -> int:
        """The status of a run; `inputs` by name of the port. What the arena held before is filled with canaries."""
        self.arena[:] = CANARY
        for index, port in enumerate(self.plan.inputs):
            tensor = self.plan.tensor(port.tensor)
            content = inputs[port.name].reshape(-1).view(np.uint8)
            if not tensor.source:
                self.arena[tensor.offset :][: tensor.nbytes] = content
                continue
            room = np.zeros(tensor.nbytes + 32, np.uint8)  # a kernel may read to the end of the last 16 bytes
            self.at_caller[index] = room[-room.ctypes.data % 16 :][: tensor.nbytes]
            self.at_caller[index][:] = content
            if tensor.at_caller:
                status = self.library.espdl_set_input(
                    self.instance, ctypes.c_size_t(index), ctypes.c_void_p(self.at_caller[index].ctypes.data)
                )
                assert status == 0
        status = self.run_as_it_is()
        for index, content in self.at_caller.items():
            assert content.tobytes() == inputs[self.plan.inputs[index].name].tobytes(), "a run wrote to its input"
        return status

    def run_as_it_is(self) -> int:
        """The status of a run without any input set before."""
        return self.library.espdl_run(self.instance)

    def _give_rows(self, _: int, index: int, first: int, count: int, to: int) -> bool:
        tensor = self.plan.tensor(self.plan.inputs[index].tensor)
        row = tensor.nbytes // tensor.shape[1]
        ctypes.memmove(to, self.at_caller[index][first * row :].ctypes.data, count * row)
        return self.is_asked()

    def outputs(self) -> dict[str, bytes]:
        tensors = {port.name: self.plan.tensor(port.tensor) for port in self.plan.outputs}
        return {name: self.arena[t.offset :][: t.nbytes].tobytes() for name, t in tensors.items()}


def build_guarded(plan: Plan, free: np.ndarray, folder: Path) -> host.Program:
    """A program of `plan`, whose run ends where it touches a byte of its arena that is `free` (AddressSanitizer).

    Vector kernels may read what lies in the same 16 bytes as the last byte of a piece.
    """
    files = emit.render(plan, "net", packings=backends.packings())
    edges = np.flatnonzero(np.diff(free, prepend=False, append=False))
    block = max(call.alignment for call in plan.calls)
    gaps = [(-(-start // block) * block, stop) for start, stop in edges.reshape(-1, 2).tolist()]
    folder.mkdir()
    (folder / "guarded.c").write_text(GUARDED.format(gaps=", ".join(f"{{{a}, {b}}}" for a, b in gaps if a < b)))
    on_vectors = any(call.backend == "esp32s3" for call in plan.calls)  # those copy the rows, if nothing else
    flags = (*host.SANITIZERS, *NO_NULL) if on_vectors else host.SANITIZERS
    return host.build(plan, files, "net", folder, flags=flags, main=folder / "guarded.c")


GUARDED = """
#include <sanitizer/asan_interface.h>

#include "espdl.h"

static espdl_status_t guarded_run(espdl_t *self)
{{
    static const uint32_t gaps[][2] = {{{gaps}}};
    const size_t count = sizeof(gaps) / sizeof(gaps[0]);
    for (size_t i = 0; i < count; i++) {{
        __asan_poison_memory_region(self->arena + gaps[i][0], gaps[i][1] - gaps[i][0]);
    }}
    const espdl_status_t status = espdl_run(self);
    for (size_t i = 0; i < count; i++) {{
        __asan_unpoison_memory_region(self->arena + gaps[i][0], gaps[i][1] - gaps[i][0]);
    }}
    return status;
}}

#define espdl_run guarded_run
#include "harness.c"
"""


def spread(plan: Plan) -> tuple[Plan, np.ndarray]:
    """`plan` with every tensor, rows that wait and scratch at a place of its own, and which bytes of its arena are in
    nobody's use, bool [arena_bytes]."""
    graph = graphs.build(plan.calls, plan.tensors, plan.inputs, plan.outputs, plan.regions)
    used: list[tuple[int, int]] = []

    def place(size: int) -> int:
        start = GAP + (graphs.aligned(used[-1][1]) if used else 0)
        used.append((start, start + size))
        return start

    roots = {root: place(graph.size(root)) for root in graph.roots}
    tensors = [replace(t, offset=roots[graph.spans[t.name].root] + graph.spans[t.name].start) for t in plan.tensors]
    calls = [replace(c, scratch_offset=place(c.scratch_bytes) if c.scratch_bytes else None) for c in plan.calls]
    regions = []
    for region in plan.regions:
        kept = [
            replace(k, held_offset=place(k.held * k.row_bytes)) if k.held and not k.moves else k for k in region.kept
        ]
        state = place(memory.STATE_BYTES * len(region.tensors))
        regions.append(replace(region, kept=tuple(kept), state_offset=state))
    size = graphs.aligned(used[-1][1] + GAP)
    free = np.ones(size, bool)
    for start, stop in used:
        free[start:stop] = False
    apart = replace(plan, tensors=tuple(tensors), calls=tuple(calls), regions=tuple(regions), arena_bytes=size)
    return apart, free
