# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that generated code takes on an Xtensa core, without an ESP32-S3 and without its compiler.

Debian's compiler for the ESP8266 (lx106, of the same family) compiles kernels, runtime and generated code; QEMU runs
them on a core with hardware loops. Every EE.* instruction, which neither knows, becomes one instruction that moves the
same address register: it takes part in the count and in the flow, and computes nothing. So the count has

- every EE.* instruction and every pass of a hardware loop as on the ESP32-S3;
- scalar code as this compiler makes it: no register windows, no minimum, maximum and sign extension in one instruction.
  The ESP32-S3's own compiler has those, so that its count should be somewhat lower;
- no cycles: memory, caches, stalls are not in it.

What the kernels compute is checked elsewhere (python/tests/esp32s3).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from espdl.plan.types import Plan

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PORT = ROOT / "port" / "esp32s3"

GCC = "xtensa-lx106-elf-gcc"
QEMU = "qemu-system-xtensa"
REMEDY = "apt-get install gcc-xtensa-lx106 qemu-system-misc"
FLAGS = [
    "-std=gnu11",
    "-O2",
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
    "-ffunction-sections",
    "-mtext-section-literals",
]
INCLUDES = [f"-I{path}" for path in (HERE, ROOT / "include", PORT / "include", PORT / "src")]
# Of QEMU's clock: 2**5 ns an instruction; the core counts ticks of 25 ns.
_SHIFT, _TICK = 5, 25

_LOOP = re.compile(r"loopgtz\s+a(\d+)\s*,\s*(\w+)$")
_STEP = re.compile(r"-?\d+$")


@dataclass(frozen=True)
class Count:
    """Instructions of one net_run(), and of each of its layers."""

    total: int
    layers: tuple[int, ...]


def available() -> str | None:
    """None, or why nothing can be counted here."""
    missing = [tool for tool in (GCC, QEMU) if shutil.which(tool) is None]
    return f"{missing[0]} is not installed ({REMEDY})" if missing else None


def count(plan: Plan, generated: Path, folder: Path) -> Count:
    """Builds the model `net` in the folder `generated` (net.c, net_weights.S, ...) in `folder` and runs it."""
    folder.mkdir(parents=True, exist_ok=True)
    objects = [compile_object(path, folder, [f"-I{generated}"]) for path in (*_sources(plan), generated / "net.c")]
    image = folder / "count.elf"
    own = [str(HERE / name) for name in ("start.S", "main.c", "library.c")]
    weights = ["-I", str(generated), str(generated / "net_weights.S")]
    link = ["-nostdlib", "-T", str(HERE / "link.ld"), "-Wl,--gc-sections"]
    _run(GCC, *FLAGS, *INCLUDES, *link, *own, *map(str, objects), *weights, "-lgcc", "-o", str(image))
    machine = ["-M", "sim", "-cpu", "de212", "-display", "none", "-monitor", "none", "-serial", "stdio"]
    printed = _run(QEMU, *machine, "-semihosting", "-icount", f"shift={_SHIFT}", "-kernel", str(image))
    ticks = [int(line) for line in printed.split()]
    # What reading the counter takes is the first number.
    instructions = [round((t - ticks[0]) * _TICK / 2**_SHIFT) for t in ticks[1:]]
    return Count(instructions[0], tuple(instructions[1:]))


def _sources(plan: Plan) -> list[Path]:
    """Runtime, vector kernels where the plan calls any, and all portable kernels: the linker takes what it needs."""
    portable = sorted((ROOT / "src" / "kernels").glob("*.c"))
    vector = [path for path in sorted((PORT / "src").glob("*.c")) if path.name != "pie_emulation.c"]
    used = any(call.backend == "esp32s3" for call in plan.calls)
    runtime = [ROOT / "src" / name for name in ("runtime.c", "run_regions.c", "stripes.c")]
    return [*runtime, *(vector if used else []), *portable]


def compile_object(path: Path, folder: Path, options: Iterable[str] = ()) -> Path:
    """An object of a C file, its EE.* instructions replaced; one in `folder` that is newer than the file stays."""
    done = folder / f"{path.stem}.o"
    if done.exists() and done.stat().st_mtime > path.stat().st_mtime:
        return done
    text = _run(GCC, *FLAGS, *INCLUDES, *options, "-S", str(path), "-o", "-")
    assembly = folder / f"{path.stem}.s"
    assembly.write_text("\n".join(map(stand_in, text.split("\n"))))
    _run(GCC, "-mtext-section-literals", "-c", str(assembly), "-o", str(assembly.with_suffix(".o")))
    return assembly.with_suffix(".o")


def stand_in(line: str) -> str:
    """The line of assembler for a core without vector unit, and for an assembler that does not know hardware loops."""
    text = line.strip()
    if (loop := _LOOP.match(text)) is not None:
        # The label is where the loop ends: its distance to the instruction's end, less one, is the operand.
        return f"990: .byte 0x76, {0xA0 + int(loop[1])}, {loop[2]} - 990b - 4"
    if not text.startswith("ee."):
        return line
    mnemonic, _, rest = text.partition(" ")
    operands = [o.strip() for o in rest.split(",")]
    addresses = [o for o in operands if re.fullmatch(r"a\d+|sp", o)]
    if mnemonic.endswith(".xp"):
        return f"\tadd {addresses[0]}, {addresses[0]}, {addresses[1]}"
    if mnemonic.endswith(".incp"):
        return f"\taddi {addresses[0]}, {addresses[0]}, 16"
    if mnemonic.endswith(".ip"):
        step = next(o for o in operands if _STEP.match(o))
        return f"\taddi {addresses[0]}, {addresses[0]}, {step}"
    if mnemonic == "ee.srs.accx":
        return f"\tmovi {addresses[0]}, 0"
    return "\tnop"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} ended with code {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout
