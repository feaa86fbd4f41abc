# SPDX-License-Identifier: CC0-1.0
"""Builds firmware.c around a compiled model, breaks it as a chip breaks, and runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from espdl.emit import Files
from espdl.emit.weights import Weights
from espdl.plan.types import Plan
from espdl.verify import host, rv32

HERE = Path(__file__).parent
FEATURES = ("-DCONFIG_ESPDL_TAPS=1", "-DCONFIG_ESPDL_PROFILE=1")


def build(
    machine: str,
    folder: Path,
    files: Files,
    plan: Plan,
    inputs: Mapping[str, np.ndarray],
    dump: Sequence[int] = (),
    dump_inputs: bool = False,
    name: str = "digits",
) -> Path:
    """The program, for `machine` "host" or "rv32"; `inputs` by port, [N, ...], as the model stores them."""
    files.write(folder)
    columns = [np.ascontiguousarray(inputs[p.name]).reshape(len(inputs[p.name]), -1) for p in plan.inputs]
    (folder / "inputs.bin").write_bytes(np.concatenate([c.view(np.uint8) for c in columns], axis=1).tobytes())
    flags = [
        *FEATURES,
        f'-DMODEL_HEADER="{name}.h"',
        f"-DMODEL={name}_model",
        f"-DARENA={name}_arena_t",
        f'-DINPUT="{folder / "inputs.bin"}"',
        f"-DDUMP_INPUTS={int(dump_inputs)}",
        *([f"-DDUMP={','.join(map(str, dump))}"] if dump else []),
        f"-I{folder}",
    ]
    sources = [HERE / "firmware.c", folder / f"{name}.c", folder / f"{name}_weights.S"]
    program = folder / f"firmware-{machine}"
    if machine == "rv32":
        library = rv32.library(folder.parent, FEATURES)
        rv32.link(program, [*sources, rv32.HERE / "console.c", library], flags)
    else:
        library = host.library(folder.parent, flags=FEATURES)
        include = f"-I{host.COMPONENT / 'include'}"
        paths = [str(path) for path in (*sources, library)]
        host.run_tool(host.find_compiler(), *host.FLAGS, *flags, include, *paths, "-lm", "-o", str(program))
    return program


def run(machine: str, program: Path) -> str:
    """What the program prints."""
    command = rv32.command(program) if machine == "rv32" else [str(program)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return done.stdout.decode()


def flip(program: Path, weights: Weights, call: int, place: int) -> None:
    """Flip a bit of the first constant of a layer, `place` bytes from its start, in the program's file."""
    image = bytearray(program.read_bytes())
    start = image.find(weights.blob)
    assert start >= 0 and image.find(weights.blob, start + 1) < 0
    image[start + weights.offsets[call][0] + place] ^= 0x40
    program.write_bytes(image)
