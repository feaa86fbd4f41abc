#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what the four networks take with the ESP32's kernels for MAC16, layer by layer, without the chip.

python benchmarks/esp32.py [--data DIR] [--networks ...]

Writes benchmarks/esp32.json, which benchmarks/run.py reads for docs/benchmarks.md, and, where all networks were
counted, the tables of docs/esp32.md. benchmarks/xtensa says how instructions are counted. Exit code 1 where a network
takes more than was promised.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import trained  # noqa: E402 (the path above comes first)
import xtensa  # noqa: E402

from espdl import pipeline  # noqa: E402
from espdl.plan.types import ITEM_BYTES, Plan  # noqa: E402
from espdl.verify import compare, host  # noqa: E402

RESULTS = HERE / "esp32.json"
PAGE = ROOT / "docs" / "esp32.md"
BEGIN, END = "<!-- written by benchmarks/esp32.py -->", "<!-- end -->"

# Network -> instructions at most, as a share of the portable kernels' on the same core.
PROMISED = {"ic_resnet8": 0.45, "kws_dscnn": 0.50, "vww_mobilenet": 0.60, "ad_autoencoder": 0.45}
# int16x8 of ic_resnet8, as a share of int8.
PROMISED_INT16 = 1.15


@dataclass(frozen=True)
class Layer:
    """`notes`: why it is slower than it could be."""

    function: str
    shape: Sequence[int]
    macs: int
    instructions: int
    notes: Sequence[str]


@dataclass(frozen=True)
class Counted:
    """Instructions of a whole net_run(), channels without an effect removed; `macs` of what is left.

    `portable`: with no flash beyond the weights, as here; `portable_budget`: with what is the default.
    """

    macs: int
    portable: int
    portable_budget: int
    mac16: int
    int16x8: int
    portable_arena_bytes: int
    arena_bytes: int
    layers: Sequence[Layer]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = trained.arguments(__doc__, PROMISED, argv)
    if (reason := xtensa.available()) is not None:
        print(f"esp32.py: {reason}")
        return 1
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.networks:
            counted = count(arguments.data / name, Path(folder) / name)
            results[name] = asdict(counted)
            share, wide = counted.mac16 / counted.portable, counted.int16x8 / counted.mac16
            print(f"{name}: {counted.mac16:,} instructions, {share:.3f} of portable; int16x8 {wide:.2f}", flush=True)
            if share > PROMISED[name] or (name == "ic_resnet8" and wide > PROMISED_INT16):
                print(f"FAILED: promised {PROMISED[name]} of portable, {PROMISED_INT16} times int8 for int16x8")
                failed = True
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if set(PROMISED) <= set(results):
        head, rest = PAGE.read_text().split(BEGIN, 1)
        PAGE.write_text("\n".join([head + BEGIN, "", *tables(results), "", END + rest.split(END, 1)[1]]))
    return int(failed)


def count(data: Path, folder: Path) -> Counted:
    """One network; its outputs are compared with the reference before anything is counted."""
    compiled = partial(trained.compiled, data, chip="esp32", dead_channels="remove")
    portable = compiled(folder / "portable", kernels="portable", flash_budget="0")
    budget = compiled(folder / "budget", kernels="portable")
    own = compiled(folder / "own")
    wide = compiled(folder / "wide", precision="int16x8")
    for compilation, name in ((own, "own"), (wide, "wide")):
        _compare(compilation, folder / f"{name}-program")
    counts = [
        xtensa.count(c.plan, folder / name, folder / f"{name}-build")
        for c, name in ((portable, "portable"), (budget, "budget"), (own, "own"), (wide, "wide"))
    ]
    plan = own.plan
    layers = [
        Layer(call.function, plan.tensor(call.outputs[0]).shape, call.macs, instructions, call.notes)
        for call, instructions in zip(plan.calls, counts[2].layers, strict=True)
    ]
    arenas = portable.plan.arena_bytes, plan.arena_bytes
    return Counted(plan.macs, *(c.total for c in counts), *arenas, layers)


def _compare(compilation: pipeline.Compilation, folder: Path) -> None:
    plan = compilation.plan
    program = host.build(plan, compilation.files, "net", folder)
    values = _inputs(plan)
    different = compare.first_difference(plan, values, program.run(values))
    if different is not None:
        raise RuntimeError(f"the emulated kernels do not compute the reference's bytes: {different}")


def _inputs(plan: Plan) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    tensors = {port.name: plan.tensor(port.tensor) for port in plan.inputs}
    limits = {name: 2 ** (8 * ITEM_BYTES[t.dtype] - 1) for name, t in tensors.items()}
    return {n: random.integers(-limits[n], limits[n], (2, *t.shape)).astype(t.dtype) for n, t in tensors.items()}


def tables(results: Mapping[str, Mapping]) -> list[str]:
    head = (
        "million instructions",
        "portable C",
        "with FLASH_BUDGET",
        "MAC16",
        "share",
        "per MAC",
        "int16x8",
        "of int8",
    )
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * 7]
    for name in PROMISED:
        r = results[name]
        numbers = [f"{r[key] / 1e6:.2f}" for key in ("portable", "portable_budget")]
        numbers += [f"**{r['mac16'] / 1e6:.2f}**", f"{r['mac16'] / r['portable']:.2f}"]
        numbers += [f"{r['mac16'] / r['macs']:.2f}", f"{r['int16x8'] / 1e6:.2f}", f"{r['int16x8'] / r['mac16']:.2f}"]
        lines.append(f"| {name} | {' | '.join(numbers)} |")
    lines += ["", "| arena, bytes | portable C | MAC16 |", "| --- | ---: | ---: |"]
    lines += [f"| {n} | {results[n]['portable_arena_bytes']:,} | {results[n]['arena_bytes']:,} |" for n in PROMISED]
    for name in PROMISED:
        lines += ["", f"### {name}", "", "| kernel | output | MACs | instructions | per MAC |"]
        lines += ["| --- | --- | ---: | ---: | ---: |"]
        for layer in results[name]["layers"]:
            shape = " x ".join(map(str, layer["shape"]))
            per_mac = f"{layer['instructions'] / layer['macs']:.2f}" if layer["macs"] else ""
            numbers = f"{layer['macs']:,} | {layer['instructions']:,} | {per_mac}"
            lines.append(f"| {layer['function'].removeprefix('espdl_')} | {shape} | {numbers} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
