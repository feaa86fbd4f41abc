#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What FLASH_BUDGET buys: instructions of a run on rv32 (QEMU) for bytes of weights, of a network of 3x3 convolutions.

python benchmarks/flash.py

The network is ic_resnet8 of networks.py, with random weights; all programs must give the same outputs. Writes the
table of docs/memory.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import networks  # noqa: E402 (the path above comes first)

from espdl import pipeline  # noqa: E402
from espdl.verify import rv32, samples  # noqa: E402

PAGE = ROOT / "docs" / "memory.md"
BEGIN, END = "<!-- written by benchmarks/flash.py -->", "<!-- end of flash -->"
NETWORK = "ic_resnet8"
BUDGETS = ("none", "16000", "32000", "default", "200000")


def line(data: Path, budget: str, folder: Path) -> tuple[str, bytes]:
    """A row of the table, and the outputs for one sample."""
    options = pipeline.Options(
        model=str(data / "model.onnx"),
        calibration=str(data / "calib.npy"),
        name="net",
        output=str(folder / "generated"),
        dead_channels="keep",
        effort="fast",
        flash_budget=budget,
    )
    compilation = pipeline.compile_model(options)
    plan, weights = compilation.plan, len(compilation.files["net_weights.bin"])
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: np.load(data / "eval.npz")["x"][:1]})
    results, runs = rv32.build(plan, compilation.files, "net", folder / "rv32").run(inputs)
    count = runs[-1].instructions
    layers = sum(call.trade[0] > 0 for call in plan.calls)
    text = (
        f"| `{budget}` | {layers} | {weights:,} | {plan.arena_bytes:,} | {count / 1e6:.2f} | {count / plan.macs:.2f} |"
    )
    return text, b"".join(values.tobytes() for values in results.outputs.values())


def main() -> int:
    rv32.require()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = networks.write(folder / "models", [NETWORK]) / NETWORK
        rows, outputs = zip(*(line(data, budget, folder / budget) for budget in BUDGETS))
    if len(set(outputs)) != 1:
        raise RuntimeError("outputs differ")
    head = "| `FLASH_BUDGET` | faster layers | weights | arena | million instructions | per MAC |\n|---|" + "---:|" * 5
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text("\n".join([before + BEGIN, head, *rows, END]) + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
