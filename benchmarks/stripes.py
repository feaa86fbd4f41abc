#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What MEMORY saves, and what it costs: arena and instructions of layers in stripes, as a ratio to one after the other.

python benchmarks/stripes.py [--networks ...] [--chips ...]

The networks are those of networks.py, with random weights; inputs are at the caller. Instructions are those of rv32
under QEMU, of the ESP32-S3 as benchmarks/xtensa counts them. On rv32 the outputs of all programs must be the same.
Writes the table of docs/memory.md where all were measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import networks  # noqa: E402 (the path above comes first)
import xtensa  # noqa: E402

from espdl import pipeline  # noqa: E402
from espdl.verify import rv32, samples  # noqa: E402

PAGE = ROOT / "docs" / "memory.md"
BEGIN, END = "<!-- written by benchmarks/stripes.py -->", "<!-- end -->"
NETWORKS = ("vww_mobilenet", "ic_resnet8", "kws_dscnn", "mobilenet_v2_035", "mobilenet_v2")
CHIPS = ("generic", "esp32s3")
MODES = ("plain", "auto", "smallest")
# A network, a chip and bytes of arena between those of "auto" and "smallest".
BETWEEN = ("vww_mobilenet", "esp32s3", "18000")


@dataclass(frozen=True)
class Measured:
    arena_bytes: int
    instructions: int


def measure(data: Path, chip: str, memory: str, folder: Path) -> tuple[Measured, dict[str, bytes]]:
    """One program, and its outputs for a sample (none where instructions are counted without computing)."""
    options = pipeline.Options(
        model=str(data / "model.onnx"),
        calibration=str(data / "calib.npy"),
        name="net",
        output=str(folder / "generated"),
        chip=chip,
        memory=memory,
        input_memory="caller",
        input_layout="nhwc",
        dead_channels="keep",
        effort="fast",
    )
    compilation = pipeline.compile_model(options)
    plan = compilation.plan
    if chip == "esp32s3":
        return Measured(plan.arena_bytes, xtensa.count(plan, folder / "generated", folder / "build").total), {}
    x = np.load(data / "eval.npz")["x"][:1]
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: x})
    results, runs = rv32.build(plan, compilation.files, "net", folder / "rv32").run(inputs)
    outputs = {name: values.tobytes() for name, values in results.outputs.items()}
    return Measured(plan.arena_bytes, runs[-1].instructions), outputs


def row(name: str, chip: str, data: Path, folder: Path) -> str:
    """A line of the table. Raises RuntimeError where the programs do not give the same outputs."""
    found = {mode: measure(data, chip, mode, folder / mode) for mode in MODES}
    (plain, wanted) = found["plain"]
    cells = [f"{plain.arena_bytes:,}"]
    for mode in MODES[1:]:
        made, outputs = found[mode]
        if outputs != wanted:
            raise RuntimeError(f"{name}, {chip}: outputs differ with MEMORY {mode}")
        cells += [f"{made.arena_bytes:,}", f"{made.instructions / plain.instructions:.3f}"]
    return f"| {name} | {chip} | {' | '.join(cells)} |"


def between(data: Path, folder: Path) -> str:
    """The sentence behind the table."""
    name, chip, most = BETWEEN
    plain, limited = (measure(data, chip, memory, folder / memory)[0] for memory in ("plain", most))
    ratio = limited.instructions / plain.instructions
    return (
        f"Between `auto` and `smallest`: {name} on the ESP32-S3 with `MEMORY {most}` has"
        f" {limited.arena_bytes:,} bytes for {ratio:.3f} times the instructions."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--chips", nargs="+", choices=CHIPS, default=list(CHIPS))
    args = parser.parse_args()
    lines = ["| network | chip | plain | auto | instructions | smallest | instructions |", "|---|---|" + "---:|" * 5]
    with tempfile.TemporaryDirectory() as scratch:
        folder = networks.write(Path(scratch) / "networks", args.networks)
        for name in args.networks:
            for chip in args.chips:
                lines.append(row(name, chip, folder / name, Path(scratch) / f"{name}_{chip}"))
                print(lines[-1], flush=True)
        if BETWEEN[0] in args.networks and BETWEEN[1] in args.chips:
            lines += ["", between(folder / BETWEEN[0], Path(scratch) / "between")]
            print(lines[-1], flush=True)
    if (tuple(args.networks), tuple(args.chips)) == (NETWORKS, CHIPS):
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}" + rest.split(END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
