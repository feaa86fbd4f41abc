#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What CORES 2 saves, and what it costs: instructions of the busier core and arena, as a ratio to one core.

python benchmarks/cores.py [--networks ...] [--chips ...] [--memory auto]

The networks are those of networks.py, with random weights; inputs are in the arena, channels last.
Every part of every layer is counted on its own (rv32 under QEMU, the ESP32-S3 as benchmarks/xtensa does), and the way
between two parts on both cores: a turn takes what the busier core takes. Nothing of memory that both cores want is in
it. That the bytes are those of one core is tested elsewhere (python/tests/cores). Writes the table of docs/cores.md
where all were measured.
Exit code 1 where a network takes more than was promised.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import networks  # noqa: E402 (the path above comes first)
import xtensa  # noqa: E402

from espdl import pipeline  # noqa: E402
from espdl.plan.types import Plan  # noqa: E402
from espdl.verify import rv32  # noqa: E402

PAGE = ROOT / "docs" / "cores.md"
BEGIN, END = "<!-- written by benchmarks/cores.py -->", "<!-- end -->"
NETWORKS = ("ic_resnet8", "kws_dscnn", "vww_mobilenet", "mobilenet_v2_035", "ad_autoencoder")
CHIPS = ("generic", "esp32s3")
# Of one core's instructions, at most; and of its arena.
PROMISED = {"ic_resnet8": 0.56, "vww_mobilenet": 0.56, "mobilenet_v2_035": 0.56, "kws_dscnn": 0.62}
PROMISED_ARENA = 1.10
MAIN = HERE / "two_cores" / "main.c"


@dataclass(frozen=True)
class Busy:
    """Instructions of a run, where a turn of two cores takes what the busier one takes; and how many such turns."""

    instructions: int
    turns: int
    arena_bytes: int


def two(counts: list[int], plan: Plan) -> Busy:
    """From what main.c prints."""
    nothing, run, *rest = counts
    if not rest:
        return Busy(run - nothing, 0, plan.arena_bytes)
    between, *parts = rest
    first, second = ([count - nothing for count in parts[i::2]] for i in range(2))
    shared = [turn.second is not None for turn in plan.turns]
    longer = sum(max(0, b + between - a) for a, b, both in zip(first, second, shared) if both)
    return Busy(run - nothing + longer, sum(shared), plan.arena_bytes)


def measure(data: Path, chip: str, settings: dict[str, str], folder: Path) -> tuple[Busy, Busy]:
    """One core and two."""
    results = []
    for cores in ("1", "2"):
        generated = folder / cores
        plan = _compile(data, chip, settings, cores, generated).plan
        if chip == "esp32s3":
            counts = xtensa.counts(plan, generated, folder / f"build_{cores}", MAIN, ("cores", "cores_port"))
        else:
            counts = _on_rv32(generated, folder)
        results.append(two(counts, plan))
    one, both = results
    return one, both


def _on_rv32(generated: Path, folder: Path) -> list[int]:
    image = generated / "count.elf"
    sources = [MAIN, generated / "net.c", generated / "net_weights.S", rv32.library(folder)]
    rv32.link(image, sources, [f"-I{generated}", f"-Wa,-I{generated}"])
    done = subprocess.run(rv32.command(image), capture_output=True, text=True, timeout=600, check=True)
    return [int(line) for line in done.stdout.split()]


def _compile(data: Path, chip: str, settings: dict[str, str], cores: str, output: Path) -> pipeline.Compilation:
    return pipeline.compile_model(
        pipeline.Options(
            model=str(data / "model.onnx"),
            calibration=str(data / "calib.npy"),
            name="net",
            output=str(output),
            chip=chip,
            cores=cores,
            **settings,
            input_layout="nhwc",
            dead_channels="keep",
            effort="fast",
        )
    )


def row(name: str, chip: str, settings: dict[str, str], data: Path, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether what was promised holds."""
    one, both = measure(data, chip, settings, folder)
    busy, arena = both.instructions / one.instructions, both.arena_bytes / one.arena_bytes
    cells = [f"{one.instructions:,}", f"{both.instructions:,}", f"{busy:.3f}", f"{both.turns}"]
    cells += [f"{one.arena_bytes:,}", f"{both.arena_bytes:,}", f"{arena:.3f}"]
    holds = busy <= PROMISED.get(name, 1.0) and arena <= PROMISED_ARENA
    return f"| {name} | {chip} | {' | '.join(cells)} |", holds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--chips", nargs="+", choices=CHIPS, default=list(CHIPS))
    parser.add_argument("--memory", default="plain", help="how MEMORY is set, for one core and for two")
    parser.add_argument("--flash-budget", default="default", help="and FLASH_BUDGET")
    args = parser.parse_args()
    lines = [
        "| network | chip | one core | two | ratio | shared turns | arena, bytes | two | ratio |",
        "|---|---|" + "---:|" * 7,
    ]
    failed = False
    settings = {"memory": args.memory, "flash_budget": args.flash_budget}
    with tempfile.TemporaryDirectory() as scratch:
        folder = networks.write(Path(scratch) / "networks", args.networks)
        for name in args.networks:
            for chip in args.chips:
                line, holds = row(name, chip, settings, folder / name, Path(scratch) / f"{name}_{chip}")
                lines.append(line)
                failed |= not holds
                print(line + ("" if holds else " FAILED"), flush=True)
    if (args.networks, args.chips) == (list(NETWORKS), list(CHIPS)) and set(settings.values()) == {"plain", "default"}:
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}" + rest.split(END)[1], encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
