#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what the four networks, and small ones of other kinds, take with the ESP32-S3's vector kernels, layer by
layer, without the chip.

python benchmarks/esp32s3.py [--data DIR] [--networks ...] [--schemes ...]

Writes benchmarks/esp32s3.json and, where all networks were counted, the tables of docs/esp32s3.md. benchmarks/xtensa
says how instructions are counted. Exit code 1 where a network takes more than was promised.

benchmarks/esp32s3_before.json has what the files of the small ones took with the kernels and the compiler of an
earlier commit, counted in the same way.
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
import networks  # noqa: E402
import trained  # noqa: E402
import xtensa  # noqa: E402
from vector_harness import check  # noqa: E402

from espdl.plan.types import Plan  # noqa: E402
from espdl.targets import SCHEMES  # noqa: E402
from espdl.verify import reference  # noqa: E402

RESULTS = HERE / "esp32s3.json"
BEFORE = HERE / "esp32s3_before.json"
PAGE = ROOT / "docs" / "esp32s3.md"
BEGIN, END = "<!-- written by benchmarks/esp32s3.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Peers:
    """Million instructions of one core: measured elsewhere, on an emulated chip.

    `promised`, `promised_affine`: ours, at most, in the two schemes.
    """

    esp_nn: float
    esp_dl: float
    promised: float
    promised_affine: float

    def of(self, scheme: str) -> float:
        return self.promised if scheme == "power_of_two" else self.promised_affine


NETWORKS = {
    "ic_resnet8": Peers(13.62, 1.378, 0.95, 2.5),
    "kws_dscnn": Peers(3.74, 0.654, 0.255, 0.9),
    "vww_mobilenet": Peers(11.97, 4.54, 0.50, 2.0),
    "ad_autoencoder": Peers(1.278, 0.0222, 0.0215, 0.095),
}

# What small networks of other kinds may take, of what they took at the commit in BEFORE; in scheme power_of_two.
PROMISED_OF_BEFORE = {
    "unet": 0.80,
    "yolo_head": 0.35,
    "mobilenet_v3": 0.80,
    "transformer_encoder": 0.30,
    "temporal_network": 0.75,
}

# The arena, at most this often the portable one; bytes of the vector kernels that a network links.
ARENA = 1.25
CODE = {("ic_resnet8", "power_of_two"): 10 * 1024}


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
    """`instructions` of a whole net_run(); `macs` of the network as it was given; `code_bytes`: of vector kernels."""

    macs: int
    operations: int
    instructions: int
    arena_bytes: int
    portable_arena_bytes: int
    code_bytes: int
    layers: Sequence[Layer]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = trained.arguments(__doc__, [*NETWORKS, *PROMISED_OF_BEFORE], argv, SCHEMES)
    if (reason := xtensa.available()) is not None:
        print(f"esp32s3.py: {reason}")
        return 1
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    before = json.loads(BEFORE.read_text())
    failed = False
    for name, scheme, counted in _count_all(arguments.data, arguments.networks, arguments.schemes):
        results.setdefault(name, {})[scheme] = asdict(counted)
        for what, taken, promised in (
            ("instructions", counted.instructions, _promised(name, scheme, before)),
            ("bytes of arena", counted.arena_bytes, ARENA * counted.portable_arena_bytes),
            ("bytes of code", counted.code_bytes, CODE.get((name, scheme), float("inf"))),
        ):
            print(f"{name}, {scheme}: {taken:,} {what}", flush=True)
            if taken > promised:
                print(f"FAILED: {name} takes {taken:,} {what} in scheme {scheme}, promised {promised:,.0f}")
                failed = True
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if all(scheme in results.get(name, {}) for name in (*NETWORKS, *PROMISED_OF_BEFORE) for scheme in _schemes(name)):
        head, rest = PAGE.read_text().split(BEGIN, 1)
        lines = [*tables(results), "", *others(results, before)]
        PAGE.write_text("\n".join([head + BEGIN, "", *lines, "", END + rest.split(END, 1)[1]]))
    return int(failed)


def _schemes(name: str) -> Sequence[str]:
    return SCHEMES if name in NETWORKS else ("power_of_two",)


def _promised(name: str, scheme: str, before: Mapping) -> float:
    if name in NETWORKS:
        return 1e6 * NETWORKS[name].of(scheme)
    return PROMISED_OF_BEFORE[name] * before["instructions"][name]


def _count_all(data: Path, names: Sequence[str], schemes: Sequence[str]) -> Iterator[tuple[str, str, Counted]]:
    with tempfile.TemporaryDirectory() as folder:
        compiled_once.Store.root = Path(folder)
        random = networks.write(Path(folder) / "random", [name for name in names if name not in NETWORKS])
        for name in names:
            for scheme in set(schemes) & set(_schemes(name)):
                source = (data if name in NETWORKS else random) / name
                yield name, scheme, count(source, Path(folder) / name / scheme, scheme)


def count(data: Path, folder: Path, scheme: str) -> Counted:
    """One network; every layer's bytes are compared with the reference before anything is counted."""
    plan = trained.compiled(data, folder / "net", "esp32s3", dead_channels="remove", scheme=scheme).plan
    operations = count_operations(plan)
    counts = xtensa.count(plan, folder / "net", folder / "build")
    shapes = [plan.tensor(call.outputs[0]).shape for call in plan.calls]
    layers = [
        Layer(call.function, shape, call.macs, ee, total, call.notes)
        for call, shape, ee, total in zip(plan.calls, shapes, operations, counts.layers, strict=True)
    ]
    given = trained.compiled(data, folder / "portable", "generic", dead_channels="keep").plan
    sizes = (plan.arena_bytes, given.arena_bytes, sum(counts.code.values()))
    return Counted(given.macs, sum(operations), counts.total, *sizes, layers)


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
    """`results` by network and scheme."""
    titles = {"power_of_two": "this project, power_of_two", "affine": "affine"}
    head = [cell for title in titles.values() for cell in (title, "of them EE operations", "MACs per instruction")]
    lines = [f"| million instructions | ESP-NN | ESP-DL | {' | '.join(head)} |", "| --- |" + " ---: |" * 8]
    for name, peers in NETWORKS.items():
        cells = [cell for scheme in titles for cell in _totals(results[name][scheme])]
        lines.append(f"| {name} | {peers.esp_nn} | {peers.esp_dl} | {' | '.join(cells)} |")
    columns = ("arena, power_of_two", "affine", "portable", "code of vector kernels, power_of_two", "affine")
    lines += ["", f"| bytes | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name in NETWORKS:
        power, affine = (results[name][scheme] for scheme in titles)
        arenas = (power["arena_bytes"], affine["arena_bytes"], power["portable_arena_bytes"])
        sizes = (*arenas, power["code_bytes"], affine["code_bytes"])
        lines.append(f"| {name} | {' | '.join(f'{size:,}' for size in sizes)} |")
    for name in NETWORKS:
        for scheme in titles:
            lines += ["", f"### {name}, {scheme}", "", *_layers(results[name][scheme]["layers"])]
    return lines


def others(results: Mapping[str, Mapping], before: Mapping) -> list[str]:
    """The small networks with random weights beside what they took before, then their layers."""
    lines = [
        "### Networks of other kinds, power_of_two",
        "",
        "Small ones with random weights (`benchmarks/networks.py`), beside what the same files took with commit"
        f" {before['commit']}.",
        "",
        "| million instructions | then | now | of then | at most | arena, bytes | portable |",
        "| --- |" + " ---: |" * 6,
    ]
    for name, promised in PROMISED_OF_BEFORE.items():
        counted, then = results[name]["power_of_two"], before["instructions"][name]
        now = counted["instructions"]
        arenas = f"{counted['arena_bytes']:,} | {counted['portable_arena_bytes']:,}"
        lines.append(
            f"| {name} | {then / 1e6:.4g} | **{now / 1e6:.4g}** | {now / then:.2f} | {promised:.2f} | {arenas} |"
        )
    for name in PROMISED_OF_BEFORE:
        lines += ["", f"### {name}", "", *_layers(results[name]["power_of_two"]["layers"])]
    return lines


def _totals(counted: Mapping) -> tuple[str, str, str]:
    mine, ee = counted["instructions"] / 1e6, counted["operations"] / 1e6
    return f"**{mine:.4g}**", f"{ee:.4g}", f"{counted['macs'] / counted['instructions']:.1f}"


def _layers(layers: Sequence[Mapping]) -> list[str]:
    lines = ["| kernel | output | MACs | EE operations | instructions |", "| --- | --- | ---: | ---: | ---: |"]
    for layer in layers:
        shape = " x ".join(map(str, layer["shape"]))
        numbers = " | ".join(f"{layer[key]:,}" for key in ("macs", "operations", "instructions"))
        lines.append(f"| {layer['function'].removeprefix('espdl_')} | {shape} | {numbers} |")
    notes = {note for layer in layers for note in layer["notes"]}
    return lines + (["", *(f"- {note}" for note in sorted(notes))] if notes else [])


if __name__ == "__main__":
    sys.exit(main())
