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
ON_LAYER = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


class _Config(ctypes.Structure):
    _fields_ = [
        ("arena", ctypes.c_void_p),
        ("arena_size", ctypes.c_size_t),
        ("weights", ctypes.c_void_p),
        ("on_layer", ON_LAYER),
        ("user", ctypes.c_void_p),
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

    def init(self, on_layer: Callable[[], bool] | None = None) -> int:
        self.hook = ON_LAYER(lambda *_: on_layer()) if on_layer else ON_LAYER()
        self.instance = ctypes.create_string_buffer(256)
        config = _Config(self.arena.ctypes.data, self.plan.arena_bytes, None, self.hook, None)
        model = ctypes.byref(ctypes.c_char.in_dll(self.library, "net_model"))
        return self.library.espdl_init(self.instance, model, ctypes.byref(config))

    def run(self, inputs: Mapping[str, np.ndarray]) -> int:
        """The status of a run; `inputs` by name of the port. What the arena held before is filled with canaries."""
        self.arena[:] = CANARY
        for port in self.plan.inputs:
            tensor = self.plan.tensor(port.tensor)
            self.arena[tensor.offset :][: tensor.nbytes] = inputs[port.name].reshape(-1).view(np.uint8)
        return self.library.espdl_run(self.instance)

    def outputs(self) -> dict[str, bytes]:
        tensors = {port.name: self.plan.tensor(port.tensor) for port in self.plan.outputs}
        return {name: self.arena[t.offset :][: t.nbytes].tobytes() for name, t in tensors.items()}


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
