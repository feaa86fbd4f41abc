# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that generated code takes on an Xtensa core, without a chip and without its compiler.

Debian's compiler for the ESP8266 (lx106, of the same family) compiles kernels, runtime and generated code; QEMU runs
them on its core de212, which has hardware loops and MAC16. What the assembler does not know of them becomes bytes,
and is executed. Every EE.* instruction of the ESP32-S3, which QEMU does not know either, becomes one instruction that
moves the same address register: it takes part in the count and in the flow, and computes nothing. So the count has

- every EE.* and MAC16 instruction and every pass of a hardware loop as on the chips;
- scalar code as this compiler makes it: no register windows, no minimum, maximum and sign extension in one
  instruction, and no high half of a product (for which the compiler calls a function). The chips' own compiler has
  those, so that its counts should be lower;
- no cycles: memory, caches, stalls are not in it.

What the kernels compute is checked elsewhere (python/tests/esp32s3, python/tests/esp32).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from espdl.plan.types import Plan

from . import code, mac16

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PORTS = {name: ROOT / "port" / name for name in ("esp32", "esp32s3")}
PORT = PORTS["esp32s3"]

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
    # lx106 and de212 cannot multiply to 64 bits.
    "-DESPDL_WITHOUT_HIGH_PRODUCT",
]
_PORT_INCLUDES = [port / name for port in PORTS.values() for name in ("include", "src")]
INCLUDES = [f"-I{path}" for path in (HERE, ROOT / "include", *_PORT_INCLUDES)]
RUNTIME = ("runtime", "run_regions", "take_inputs", "stripes", "stream", "cores", "cores_port")
EMULATIONS = ("mac16_emulation", "pie_emulation")
# Of QEMU's clock: 2**5 ns an instruction; the core counts ticks of 25 ns.
_SHIFT, _TICK = 5, 25

_LOOP = re.compile(r"(loop|loopgtz)\s+a(\d+)\s*,\s*(\w+)$")
_LOOP_CODE = {"loop": 0x80, "loopgtz": 0xA0}
_STEP = re.compile(r"-?\d+$")


@dataclass(frozen=True)
class Count:
    """Instructions of one net_run(), and of each of its layers; `code`: bytes of the chip's kernels, by file."""

    total: int
    layers: tuple[int, ...]
    code: Mapping[str, int]


def available() -> str | None:
    """None, or why nothing can be counted here."""
    missing = [tool for tool in (GCC, QEMU) if shutil.which(tool) is None]
    return f"{missing[0]} is not installed ({REMEDY})" if missing else None


def count(plan: Plan, generated: Path, folder: Path) -> Count:
    """Builds the model `net` in the folder `generated` (net.c, net_weights.S, ...) in `folder` and runs it."""
    nothing, *printed = counts(plan, generated, folder, HERE / "main.c")
    total, *layers = (count - nothing for count in printed)
    own = [path.stem for path in _sources(plan) if path.parent.parent in PORTS.values()]
    text = {name: _compiled(folder, name).read_text() for name in own}
    return Count(total, tuple(layers), code.sizes((folder / "count.map").read_text(), text))


def counts(plan: Plan, generated: Path, folder: Path, main: Path, without: Iterable[str] = ()) -> list[int]:
    """The numbers of ticks that `main` prints, as instructions; it brings what the sources `without` would."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [path for path in (*_sources(plan), generated / "net.c") if path.stem not in without]
    objects = [compile_object(path, folder, [f"-I{generated}"]) for path in sources]
    image = folder / "count.elf"
    weights = ["-I", str(generated), str(generated / "net_weights.S")]
    link([*objects, main, HERE / "library.c"], image, weights)
    one_by_one = one_by_one_options() if any(call.backend == "esp32" for call in plan.calls) else ()
    printed = _run(*command(image, "-icount", f"shift={_SHIFT}", *one_by_one))
    return [round(int(line) * _TICK / 2**_SHIFT) for line in printed.split()]


def link(objects: Iterable[Path], image: Path, more: Iterable[str] = ()) -> None:
    """A program for the bare core, of objects (or C files), with the beginning and the end of start.S."""
    options = ["-nostdlib", "-T", str(HERE / "link.ld"), "-Wl,--gc-sections", f"-Wl,-Map={image.with_suffix('.map')}"]
    own = [str(HERE / "start.S"), *map(str, objects), *more]
    _run(GCC, *FLAGS, *INCLUDES, *options, *own, "-lgcc", "-o", str(image))


def command(image: Path, *options: str) -> list[str]:
    """Runs a program; its standard streams are QEMU's."""
    machine = ["-M", "sim", "-cpu", "de212", "-display", "none", "-monitor", "none", "-serial", "none"]
    return [QEMU, *machine, "-semihosting", *options, "-kernel", str(image)]


@cache
def one_by_one_options() -> tuple[str, ...]:
    """Options for programs with MAC16: QEMU must not translate several instructions at once.

    It knows m0 .. m3 by two names, as operands of products and as what loads write; a product in a block of code that
    was translated as one may take the value from before a load.
    """
    known = _run(QEMU, "-help")
    return ("-singlestep",) if "-singlestep" in known else ("-accel", "tcg,one-insn-per-tb=on")


def _sources(plan: Plan) -> list[Path]:
    """Runtime, kernels of chips where the plan calls any, and all portable kernels: the linker takes what it needs."""
    portable = sorted((ROOT / "src" / "kernels").glob("*.c"))
    used = {call.backend for call in plan.calls}
    own = [path for name in PORTS if name in used for path in port_sources(name)]
    runtime = [path for path in sorted((ROOT / "src").glob("*.c")) if path.stem in RUNTIME]
    return [*runtime, *own, *portable]


def port_sources(chip: str) -> list[Path]:
    """The kernels of a chip, without what only other machines need."""
    return [path for path in sorted((PORTS[chip] / "src").glob("*.c")) if path.stem not in EMULATIONS]


def compile_object(path: Path, folder: Path, options: Iterable[str] = ()) -> Path:
    """An object of a C file, its chip's instructions replaced; one in `folder` that is newer than the file stays."""
    done = folder / f"{path.stem}.o"
    if done.exists() and done.stat().st_mtime > path.stat().st_mtime:
        return done
    _run(GCC, *FLAGS, *INCLUDES, *options, "-S", str(path), "-o", str(_compiled(folder, path.stem)))
    assembly = folder / f"{path.stem}.s"
    assembly.write_text("\n".join(map(stand_in, _compiled(folder, path.stem).read_text().split("\n"))))
    _run(GCC, "-mtext-section-literals", "-c", str(assembly), "-o", str(assembly.with_suffix(".o")))
    return assembly.with_suffix(".o")


def _compiled(folder: Path, name: str) -> Path:
    """What the compiler makes of a file, before the chip's instructions are replaced."""
    return folder / f"{name}.chip.s"


def stand_in(line: str) -> str:
    """The line of assembler for a core without vector unit, and for an assembler that does not know hardware loops."""
    text = line.strip()
    if (loop := _LOOP.match(text)) is not None:
        # The label is where the loop ends: its distance to the instruction's end, less one, is the operand.
        return f"990: .byte 0x76, {_LOOP_CODE[loop[1]] + int(loop[2])}, {loop[3]} - 990b - 4"
    mnemonic, *rest = text.split(None, 1) or [""]
    operands = [o.strip() for o in "".join(rest).split(",")]
    if (code := mac16.encode(mnemonic, operands)) is not None:
        return "\t.byte " + ", ".join(str(code >> shift & 0xFF) for shift in (0, 8, 16))
    if not text.startswith("ee."):
        return line
    # The underscore keeps the assembler from a shorter one: all have 3 bytes.
    addresses = [o for o in operands if re.fullmatch(r"a\d+|sp", o)]
    if mnemonic.endswith(".xp"):
        return f"\t_add {addresses[0]}, {addresses[0]}, {addresses[1]}"
    if mnemonic.endswith(".incp"):
        return f"\t_addi {addresses[0]}, {addresses[0]}, 16"
    if mnemonic.endswith(".ip"):
        step = next(o for o in operands if _STEP.match(o))
        return f"\t_addi {addresses[0]}, {addresses[0]}, {step}"
    if mnemonic == "ee.srs.accx":
        return f"\t_movi {addresses[0]}, 0"
    return "\t_nop"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} ended with code {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout
