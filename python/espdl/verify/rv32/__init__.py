# SPDX-License-Identifier: Apache-2.0
"""Builds generated C for a bare rv32imc machine and runs it under QEMU, with exact counts of instructions and stack."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from espdl.emit import Files
from espdl.errors import EspdlError
from espdl.plan.types import Plan
from espdl.verify import host
from espdl.verify.program import Results, parse, stream

HERE = Path(__file__).resolve().parent

GCC = "riscv64-unknown-elf-gcc"
AR = "riscv64-unknown-elf-ar"
NM = "riscv64-unknown-elf-nm"
SIZE = "riscv64-unknown-elf-size"
QEMU = "qemu-system-riscv32"

# Behind host.FLAGS, as kernels and generated code are compiled for a chip.
FLAGS = ("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs", "-ffunction-sections", "-fdata-sections")

# For picolibc's linker script: where the machine `virt` has memory.
_MEMORY = {
    "__flash": 0x80000000,
    "__flash_size": 0x02000000,
    "__ram": 0x82000000,
    "__ram_size": 0x05000000,
    "__stack_size": 128 * 1024,
}
_REMEDY = "apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc"


@dataclass(frozen=True)
class Rv32Run:
    """What one run of the model cost: `instructions` of espdl_run(), `stack_bytes` that it used below its caller.

    `layers`: instructions of each layer, empty where they were not asked for. Asking adds the calls of the hook
    to `instructions`.
    """

    instructions: int
    stack_bytes: int
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rv32Program:
    """An image that runs `plan` on samples, under QEMU."""

    path: Path
    plan: Plan

    def run(
        self, inputs: Mapping[str, np.ndarray], *, layers: bool = False, costs: bool = False, timeout: float = 600
    ) -> tuple[Results, tuple[Rv32Run, ...]]:
        """Outputs and costs for N samples; `inputs` by name of the port, [N, ...].

        `layers` asks for every layer's outputs, `costs` for every layer's instructions; both need code with the table
        of layers. Raises RuntimeError with the program's message where it fails.
        """
        done = subprocess.run(
            command(self.path),
            input=stream(self.plan, inputs, layers, costs),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        text = done.stderr.decode(errors="replace")
        if done.returncode != 0:
            raise RuntimeError(f"{self.path.name} ended with code {done.returncode}: {text.strip()}")
        return parse(self.plan, done.stdout, layers), _runs(text)


@dataclass(frozen=True)
class CodeSize:
    """Bytes of an image that holds a model and nothing else, without its weights.

    `total` is .text, .rodata and .data of generated code, runtime, the kernels that the model uses, and of
    what they take from the C library and libgcc. `symbols`: (bytes, name) of functions and objects, largest first.
    """

    total: int
    symbols: tuple[tuple[int, str], ...]


@cache
def available() -> str | None:
    """None, or why nothing can be built or run for rv32 here, with the remedy."""
    missing = [tool for tool in (GCC, AR, NM, SIZE, QEMU) if shutil.which(tool) is None]
    if missing:
        return f"{missing[0]} is not installed ({_REMEDY})"
    found = subprocess.run(
        [GCC, *FLAGS, "-E", "-include", "string.h", "-xc", "/dev/null"], capture_output=True, check=False
    )
    return None if found.returncode == 0 else f"{GCC} has no picolibc ({_REMEDY})"


def require() -> None:
    """Raises EspdlError where nothing can be built or run for rv32 here."""
    reason = available()
    if reason is not None:
        raise EspdlError("running on rv32", reason.removesuffix(f" ({_REMEDY})"), _REMEDY)


def command(image: Path) -> list[str]:
    """How to run an image: standard input, output and error are its streams, the exit code is its own."""
    machine = ["-M", "virt", "-bios", "none", "-display", "none", "-serial", "none", "-monitor", "none"]
    counted = ["-icount", "shift=0", "-semihosting-config", "enable=on,target=native"]
    return [QEMU, *machine, *counted, "-kernel", str(image)]


def build(plan: Plan, files: Files, name: str, folder: Path, *, flags: Sequence[str] = ()) -> Rv32Program:
    """Write the generated `files` of the model `name` to `folder` and make an image of them.

    `flags` come behind FLAGS. The runtime and the kernels are compiled once per set of flags into `folder`'s parent.
    Raises EspdlError where tools are missing, or with the compiler's message where it refuses.
    """
    folder = Path(folder)
    model = _compile_model(files, name, folder, flags)
    defines = [f'-DHARNESS_HEADER="{name}.h"', f"-DHARNESS_MODEL={name}_model", f"-DHARNESS_ARENA={name}_arena_t"]
    own = [host.HARNESS / "harness.c", HERE / "harness_rv32.c"]
    image = folder / f"{name}_rv32.elf"
    link(image, [*own, *model, library(folder.parent, flags)], [*flags, *defines, f"-I{folder}", f"-I{host.HARNESS}"])
    return Rv32Program(image, plan)


def code_size(files: Files, name: str, folder: Path, *, flags: Sequence[str] = ()) -> CodeSize:
    """What the generated `files` of the model `name` occupy in flash, weights apart; arguments as build()."""
    folder = Path(folder)
    model = _compile_model(files, name, folder, flags)
    image = folder / f"{name}_rv32_size.elf"
    roots = ("espdl_run", "espdl_init", "espdl_input", "espdl_output", f"{name}_model")
    link_roots(image, roots, [*model, library(folder.parent, flags)])
    sections = {}
    for line in host.run_tool(SIZE, "-A", str(image)).splitlines():
        if line.startswith("."):
            section, size = line.split()[:2]
            sections[section] = int(size)
    symbols = []
    for line in host.run_tool(NM, "-S", "--defined-only", str(image)).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTrRdD":
            symbols.append((int(fields[1], 16), fields[3]))
    weights = sum(size for size, symbol in symbols if symbol == f"{name}_weights")
    total = sum(sections.get(section, 0) for section in (".init", ".text", ".data", ".tdata")) - weights
    return CodeSize(total, tuple(sorted((s for s in symbols if s[1] != f"{name}_weights"), reverse=True)))


def library(folder: Path, flags: Sequence[str] = ()) -> Path:
    """Runtime and portable kernels as an archive in `folder`; see host.library()."""
    require()
    return host.library(folder, flags=(*FLAGS, *flags), compiler=GCC, archiver=AR)


def link(image: Path, sources: Sequence[Path], flags: Sequence[str] = ()) -> None:
    """Compile C sources, objects and archives with machine.c into an image that starts at main()."""
    require()
    counter = image.with_suffix(".machine.o")
    host.run_tool(GCC, "-c", "-march=rv32imc_zicsr", "-mabi=ilp32", str(HERE / "machine.S"), "-o", str(counter))
    _link(image, [HERE / "machine.c", counter, *sources], [f"-I{HERE}", "--crt0=hosted", *flags])


def link_roots(image: Path, roots: Sequence[str], objects: Sequence[Path], flags: Sequence[str] = ()) -> None:
    """Link the functions and objects named `roots` with all that they need, and nothing else: not to be run."""
    require()
    _link(image, objects, ["-nostartfiles", f"-Wl,-e,{roots[0]}", *(f"-Wl,-u,{root}" for root in roots), *flags])


def description() -> str:
    """The machine and the compiler, for whoever reads a number found with them."""
    require()
    return f"rv32imc, gcc {host.run_tool(GCC, '-dumpfullversion').strip()} -O2"


def _link(image: Path, sources: Sequence[Path], flags: Sequence[str]) -> None:
    memory = [f"-Wl,--defsym={symbol}={value:#x}" for symbol, value in _MEMORY.items()]
    include = f"-I{host.COMPONENT / 'include'}"
    paths = map(str, sources)
    host.run_tool(
        GCC, *host.FLAGS, *FLAGS, "-Wl,--gc-sections", *memory, include, *flags, *paths, "-lm", "-o", str(image)
    )


def _compile_model(files: Files, name: str, folder: Path, flags: Sequence[str]) -> list[Path]:
    require()
    files.write(folder)
    source, target = folder / f"{name}.c", folder / f"{name}_rv32.o"
    common = [*host.FLAGS, *FLAGS, *flags, f"-I{folder}", f"-I{host.COMPONENT / 'include'}", "-c"]
    weights = folder / f"{name}_weights_rv32.o"
    host.run_tool(GCC, *common, str(source), "-o", str(target))
    host.run_tool(GCC, *common, str(folder / f"{name}_weights.S"), "-o", str(weights))
    return [target, weights]


def _runs(text: str) -> tuple[Rv32Run, ...]:
    runs: list[Rv32Run] = []
    layers: list[int] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0] == "layer":
            layers.append(int(fields[1]))
        if len(fields) == 3 and fields[0] == "run":
            runs.append(Rv32Run(int(fields[1]), int(fields[2]), tuple(layers)))
            layers = []
    return tuple(runs)
