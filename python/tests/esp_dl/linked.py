# SPDX-License-Identifier: CC0-1.0
"""Programs that call ESP-DL itself: our shim, compiled with its headers, and a library that the developer brings.

This project fetches, compiles and contains nothing of ESP-DL. Whoever has it sets
- ESPDL_ESP_DL_PATH: a checkout of ESP-DL 3.3.8 or later, before 3.4, or the component as the registry gives it;
- ESPDL_ESP_DL_LIBRARY: a static library of that version's C++ for this computer, compiled for no chip, with the
  stand-ins for ESP-IDF's headers in `idf/` here;
- ESPDL_ESP_DL_LIBRARY_ESP32P4: the same, compiled for the ESP32-P4, but for dl_tool.cpp, which has assembly inside.
  `esp32p4_kernels.cpp` stands in for what the library lacks.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from espdl import backends, emit
from espdl import plan as planner
from espdl.backends.esp_dl import accumulators, packing
from espdl.plan.types import KernelCall, Plan
from espdl.verify import host
from espdl.verify.compare import first_difference
from espdl.verify.program import parse, stream

HERE = Path(__file__).resolve().parent
SHIM = host.PORTS["esp_dl"]
SHIM_SOURCE = SHIM / "src" / "esp_dl.cpp"
HINT = "set ESPDL_ESP_DL_PATH to a checkout of ESP-DL 3.3.x (its headers are compiled)"
LIBRARY_HINT = (
    "a static library for this computer that you made from it outside of this project: ESP-DL's dl_*.cpp without the"
    f" assembly, with the headers of {HERE.name}/idf for ESP-IDF's, compiled for"
)
# As ESP-IDF compiles C++, without a warning of our own. ESP-DL's headers turn pointers into numbers of 32 bits, which
# -fpermissive makes a warning.
CXX_FLAGS = ("-std=gnu++2b", "-O2", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-fpermissive")
HEADERS = ("dl", "dl/tool", "dl/tensor", "dl/base", "dl/base/isa", "dl/math", "dl/model", "dl/module", "fbs_loader")
# Twice the chips' 4 bytes.
POINTERS = 2


@dataclass(frozen=True)
class Kernels:
    """A library of ESP-DL for this computer: in which variable, for which chip (None: none), with what of ours.

    `target` is the chip whose plans suit its kernels, `packings` are those that differ from that chip's.
    """

    variable: str
    chip: str | None
    target: str
    packings: Mapping[str, Callable[[KernelCall], list[np.ndarray]]]
    sources: tuple[str, ...] = ()

    def library(self) -> Path:
        """The developer's library; skips the test where it is not set."""
        value = os.environ.get(self.variable)
        if not value:
            pytest.skip(f"{HINT}, and {self.variable} to {LIBRARY_HINT} {self.chip or 'no chip'}")
        return Path(value).resolve()


@dataclass(frozen=True)
class Run:
    """What a program did: how many layers ESP-DL's kernels ran, the first difference (None), and what it allocated."""

    layers: int
    difference: object
    in_init: int
    in_runs: int
    left: int


def checkout() -> Path:
    """The folder of the component in ESPDL_ESP_DL_PATH; skips the test where it is not set."""
    value = os.environ.get("ESPDL_ESP_DL_PATH")
    if not value:
        pytest.skip(HINT)
    folder = Path(value)
    folder = folder / "esp-dl" if (folder / "esp-dl" / "dl").is_dir() else folder
    version = re.search(r'version: "?(\d+)\.(\d+)\.(\d+)', (folder / "idf_component.yml").read_text())
    assert version, f"{folder} is no ESP-DL"
    assert (3, 3, 8) <= tuple(map(int, version.groups())) < (3, 4, 0), f"{version.group()} of ESP-DL is not supported"
    return folder


def cxx_command(chip: str | None) -> list[str]:
    """Compiles C++ of ours with ESP-DL's headers; `chip` None: for ESP-DL's kernels in C++."""
    folder = checkout()
    include = [folder / name / "include" if (folder / name / "include").is_dir() else folder / name for name in HEADERS]
    include += [folder / "dl" / "base" / "isa" / name for name in ("esp32p4", "tie728", "xtensa")]
    macros = [f"-DCONFIG_IDF_TARGET_{chip.upper()}=1"] if chip else []
    ours = [f"-I{path}" for path in (HERE / "idf", SHIM / "include", host.COMPONENT / "include")]
    theirs = [argument for path in include for argument in ("-isystem", str(path))]
    return [os.environ.get("CXX", "c++"), *CXX_FLAGS, *macros, *ours, *theirs]


def plain_c(call: KernelCall) -> list[np.ndarray]:
    """The constants as ESP-DL's C++ wants them: int8 [n][row][column][c], depthwise [row][column][n]; int32; int8."""
    computed = accumulators.of_call(call)
    weights = call.constant("weights").astype(np.int8)
    if packing.is_depthwise(call):
        weights = np.moveaxis(weights, 0, -1)
    return [weights.reshape(-1), computed.bias.astype(np.int32), computed.shift.astype(np.int8)]


def for_this_computer(plan: Plan) -> Plan:
    """The plan with states that hold this computer's pointers."""
    calls = [replace(call, state_bytes=POINTERS * call.state_bytes) for call in plan.calls]
    return planner.run(calls, plan.tensors, plan.inputs, plan.outputs, plan.target, plan.scheme, plan.functions)


# In C++ ESP-DL rounds as on the ESP32-S3, and has one shift for all channels.
IN_CXX = Kernels("ESPDL_ESP_DL_LIBRARY", None, "esp32s3", {"esp_dl_esp32s3": plain_c})
FOR_ESP32P4 = Kernels("ESPDL_ESP_DL_LIBRARY_ESP32P4", "esp32p4", "esp32p4", {}, ("esp32p4_kernels.cpp",))


def build(kernels: Kernels, plan: Plan, folder: Path) -> Path:
    """A program of the plan (`for_this_computer`) with ESP-DL's kernels."""
    linked = kernels.library()
    packings = backends.packings() | dict(kernels.packings)
    files = emit.render(plan, "net", packings=packings, options=emit.CodeOptions(layers=True))
    files.write(folder)
    runtime = host.library(folder.parent)
    cxx = cxx_command(kernels.chip)
    host.run_tool(*cxx, "-c", str(SHIM_SOURCE), *(str(HERE / name) for name in kernels.sources), cwd=folder)
    sources = [folder / "net.c", folder / "net_weights.S", host.HARNESS / "harness.c", host.HARNESS / "stdio.c"]
    sources += [SHIM / "src" / "dl_gemm_s8.c", HERE / "allocations.c"]
    defines = ('-DHARNESS_HEADER="net.h"', "-DHARNESS_MODEL=net_model", "-DHARNESS_ARENA=net_arena_t")
    include = [f"-I{path}" for path in (folder, host.COMPONENT / "include", SHIM / "include")]
    host.run_tool(host.find_compiler(), *host.FLAGS, *defines, *include, "-c", *map(str, sources), cwd=folder)
    objects = [str(path) for path in sorted(folder.glob("*.o"))]
    # ESP-DL calls assembly for what our shim does not, too.
    flags = ("-no-pie", "-Wl,--wrap=espdl_init,--wrap=espdl_run,--unresolved-symbols=ignore-all")
    program = folder / "program"
    host.run_tool(cxx[0], *objects, str(runtime), str(linked), *flags, "-lm", "-o", str(program))
    return program


def run(plan: Plan, program: Path, inputs: Mapping[str, np.ndarray]) -> Run:
    """Run samples (by port, [N, ...]) and compare every layer with the reference."""
    done = subprocess.run(
        [str(program)], input=stream(plan, inputs, True), capture_output=True, timeout=600, check=True
    )
    in_init, in_runs, left = map(int, re.findall(r"\d+", done.stderr.decode().splitlines()[-1]))
    difference = first_difference(plan, inputs, parse(plan, done.stdout, True))
    return Run(sum(call.backend == "esp_dl" for call in plan.calls), difference, in_init, in_runs, left)
