#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what the four networks take with the ESP32-S3's vector kernels, layer by layer, without the chip.

python benchmarks/esp32s3.py [--data DIR] [--networks ...]

Writes benchmarks/esp32s3.json and, where all networks were counted, the tables of docs/esp32s3.md. benchmarks/xtensa
says how instructions are counted. Exit code 1 where a network takes more than was promised.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "python" / path) for path in (".", "tests/esp32s3", "tests/kernels", "tests/shared")]

import compiled_once  # noqa: E402 (the paths above come first)
import trained  # noqa: E402
import xtensa  # noqa: E402
from vector_harness import check  # noqa: E402

from espdl.plan.types import Plan  # noqa: E402
from espdl.verify import reference  # noqa: E402

RESULTS = HERE / "esp32s3.json"
PAGE = ROOT / "docs" / "esp32s3.md"
BEGIN, END = "<!-- written by benchmarks/esp32s3.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Peers:
    """Million instructions of one core: measured elsewhere, on an emulated chip. `promised`: ours, at most."""

    esp_nn: float
    esp_dl: float
    promised: float


NETWORKS = {
    "ic_resnet8": Peers(13.62, 1.378, 0.95),
    "kws_dscnn": Peers(3.74, 0.654, 0.36),
    "vww_mobilenet": Peers(11.97, 4.54, 1.10),
    "ad_autoencoder": Peers(1.278, 0.0222, 0.0215),
}


@dataclass(frozen=True)
class Layer:
    """`operations`: EE.* instructions; `notes`: why it is slower than it could be."""

    function: str
    shape: Sequence[int]
    macs: int
    operations: int
    instructions: int
    notes: Sequence[str]


@dataclass(frozen=True)
class Counted:
    """`instructions` of a whole net_run(); `macs` of the network as it was given."""

    macs: int
    operations: int
    instructions: int
    arena_bytes: int
    portable_arena_bytes: int
    layers: Sequence[Layer]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = trained.arguments(__doc__, NETWORKS, argv)
    if (reason := xtensa.available()) is not None:
        print(f"esp32s3.py: {reason}")
        return 1
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    failed = False
    for name, counted in _count_all(arguments.data, arguments.networks):
        results[name] = asdict(counted)
        print(
            f"{name}: {counted.instructions:,} instructions, {counted.operations:,} of them EE operations", flush=True
        )
        if counted.instructions > 1e6 * NETWORKS[name].promised:
            print(f"FAILED: {name} takes {counted.instructions:,}, promised {1e6 * NETWORKS[name].promised:,.0f}")
            failed = True
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if set(NETWORKS) <= set(results):
        head, rest = PAGE.read_text().split(BEGIN, 1)
        PAGE.write_text("\n".join([head + BEGIN, "", *tables(results), "", END + rest.split(END, 1)[1]]))
    return int(failed)


def _count_all(data: Path, names: Sequence[str]) -> Iterator[tuple[str, Counted]]:
    with tempfile.TemporaryDirectory() as folder:
        compiled_once.Store.root = Path(folder)
        for name in names:
            yield name, count(data / name, Path(folder) / name)


def count(data: Path, folder: Path) -> Counted:
    """One network; every layer's bytes are compared with the reference before anything is counted."""
    plan = trained.compiled(data, folder / "net", "esp32s3", dead_channels="remove").plan
    operations = count_operations(plan)
    counts = xtensa.count(plan, folder / "net", folder / "build")
    shapes = [plan.tensor(call.outputs[0]).shape for call in plan.calls]
    layers = [
        Layer(call.function, shape, call.macs, ee, total, call.notes)
        for call, shape, ee, total in zip(plan.calls, shapes, operations, counts.layers, strict=True)
    ]
    given = trained.compiled(data, folder / "portable", "generic", dead_channels="keep").plan
    return Counted(given.macs, sum(operations), counts.total, plan.arena_bytes, given.arena_bytes, layers)


def count_operations(plan: Plan) -> list[int]:
    """EE.* instructions of every call: 0 for those of other kernels."""
    random = np.random.default_rng(5)
    shapes = {port.name: plan.tensor(port.tensor).shape for port in plan.inputs}
    values = reference.run(plan, {n: random.integers(-128, 128, s).astype(np.int8) for n, s in shapes.items()})
    return [
        check(call, *[values[tensor] for tensor in call.inputs]).operations if call.backend == "esp32s3" else 0
        for call in plan.calls
    ]


def tables(results: Mapping[str, Mapping]) -> list[str]:
    lines = ["| million instructions | ESP-NN | ESP-DL | this project | of them EE operations | MACs per instruction |"]
    lines += ["| --- |" + " ---: |" * 5]
    for name, peers in NETWORKS.items():
        r = results[name]
        mine, ee = r["instructions"] / 1e6, r["operations"] / 1e6
        per = f"{r['macs'] / r['instructions']:.1f}"
        lines.append(f"| {name} | {peers.esp_nn} | {peers.esp_dl} | **{mine:.4g}** | {ee:.4g} | {per} |")
    lines += ["", "| arena, bytes | ESP32-S3 | portable |", "| --- | ---: | ---: |"]
    lines += [f"| {n} | {results[n]['arena_bytes']:,} | {results[n]['portable_arena_bytes']:,} |" for n in NETWORKS]
    for name in NETWORKS:
        lines += ["", f"### {name}", "", "| kernel | output | MACs | EE operations | instructions |"]
        lines += ["| --- | --- | ---: | ---: | ---: |"]
        for layer in results[name]["layers"]:
            shape = " x ".join(map(str, layer["shape"]))
            numbers = " | ".join(f"{layer[key]:,}" for key in ("macs", "operations", "instructions"))
            lines.append(f"| {layer['function'].removeprefix('espdl_')} | {shape} | {numbers} |")
        notes = {note for layer in results[name]["layers"] for note in layer["notes"]}
        lines += ["", *(f"- {note}" for note in sorted(notes))] if notes else []
    return lines


if __name__ == "__main__":
    sys.exit(main())
