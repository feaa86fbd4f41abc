#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What STREAM saves: instructions and memory of a push, beside those of a run on the whole window.

python benchmarks/streams.py [--networks ...] [--chips ...] [--schemes ...]

Networks with random weights: a temporal convolution network (8 layers, kernel 3, dilations 1 to 8 twice, 64 channels,
no padding, a mean and a dense layer behind them), and the keyword network of networks.py. Instructions are those of
rv32 under QEMU, of the ESP32-S3 as benchmarks/xtensa counts them; a push includes espdl_push(). On rv32 the outputs of
the last push must be those of the window's network, where a push gives them.
Writes the table of docs/streaming.md where all were measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python" / "tests" / "streams")]

import networks  # noqa: E402 (the paths above come first)
import xtensa  # noqa: E402
from onnx_networks import temporal_convolutions  # noqa: E402

from espdl import pipeline  # noqa: E402
from espdl.options import Options  # noqa: E402
from espdl.verify import reference, rv32  # noqa: E402

PAGE = ROOT / "docs" / "streaming.md"
BEGIN, END = "<!-- written by benchmarks/streams.py -->", "<!-- end -->"
CHIPS = ("generic", "esp32s3")
SCHEMES = ("affine", "power_of_two")


@dataclass(frozen=True)
class Case:
    """A network as a stream: `hop` rows of a window of `window`."""

    network: str
    input: str
    window: int
    hop: int
    edges: str


CASES = (
    Case("tcn", "x", 128, 1, "window"),
    Case("kws_dscnn", "input", 49, 2, "stream"),
    Case("kws_dscnn", "input", 49, 2, "window"),
)


@dataclass(frozen=True)
class Cost:
    instructions: int
    arena_bytes: int
    state_bytes: int


def files(name: str, folder: Path) -> dict[str, str]:
    if name == "tcn":
        return temporal_convolutions(folder / name)
    where = networks.write(folder, [name]) / name
    return {"model": str(where / "model.onnx"), "calibration": str(where / "calib.npy")}


def measure(options: Options, pushes: int, folder: Path) -> Cost:
    """Of a run, or of a push. RuntimeError where the last output is not that of the window's network."""
    made = pipeline.compile_model(replace(options, output=str(folder / "generated")))
    plan = made.plan
    if options.chip == "esp32s3":
        count = xtensa.count(plan, folder / "generated", folder / "build").total
        return Cost(count, plan.arena_bytes, plan.state_bytes)
    tensor = plan.tensor(plan.inputs[0].tensor)
    shape = tensor.shape if plan.stream is None else (plan.stream.hop * plan.stream.tensors[0].row_bytes,)
    x = np.random.default_rng(0).integers(-128, 128, (pushes, *shape)).astype(tensor.dtype)
    results, runs = rv32.build(plan, made.files, "net", folder / "rv32").run({plan.inputs[0].name: x})
    if plan.stream is not None and plan.stream.edges == "window":
        window = x.reshape(pushes * plan.stream.hop, -1)[-plan.stream.tensors[0].rows :]
        values = reference.run(replace(plan, stream=None), {plan.inputs[0].name: window})
        for port in plan.outputs:
            if results.outputs[port.name][-1].tobytes() != values[port.tensor].tobytes():
                raise RuntimeError(f"{options.model}: the last output is not that of the window")
    return Cost(runs[-1].instructions, plan.arena_bytes, plan.state_bytes)


def row(case: Case, chip: str, scheme: str, folder: Path) -> str:
    """A line of the table."""
    common = Options(
        name="net",
        output="",
        chip=chip,
        scheme=scheme,
        dead_channels="keep",
        effort="fast",
        **files(case.network, folder),
    )
    whole = measure(common, 1, folder / "whole")
    stream = replace(common, stream=case.input, hop=case.hop, edges=case.edges)
    push = measure(stream, -(-case.window // case.hop) + 8, folder / "push")
    cells = [case.network, f"{case.window} / {case.hop}", case.edges, chip, scheme, f"{whole.instructions:,}"]
    cells += [f"{push.instructions:,}", f"{whole.instructions / push.instructions:.1f}", f"{whole.arena_bytes:,}"]
    cells += [f"{push.arena_bytes:,}", f"{push.state_bytes:,}"]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = list(dict.fromkeys(case.network for case in CASES))
    parser.add_argument("--networks", nargs="+", choices=known, default=known)
    parser.add_argument("--chips", nargs="+", choices=CHIPS, default=list(CHIPS))
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    args = parser.parse_args()
    titles = ("network", "window / hop", "`EDGES`", "chip", "scheme", "instructions of a window", "of a push", "ratio")
    lines = [f"| {' | '.join((*titles, 'arena', 'arena of the stream', 'of it state'))} |"]
    lines.append("|---|---|---|---|---|" + "---:|" * 6)
    with tempfile.TemporaryDirectory() as scratch:
        for index, case in enumerate(case for case in CASES if case.network in args.networks):
            for chip in args.chips:
                for scheme in args.schemes:
                    lines.append(row(case, chip, scheme, Path(scratch) / f"{index}_{chip}_{scheme}"))
                    print(lines[-1], flush=True)
    if (args.networks, tuple(args.chips), tuple(args.schemes)) == (known, CHIPS, SCHEMES):
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}" + rest.split(END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
