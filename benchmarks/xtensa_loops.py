#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What GCC makes of the portable inner loops for Xtensa: how much of them is sign extension, and sums moved about.

python benchmarks/xtensa_loops.py

From assembly for lx106, the Xtensa core whose compiler Debian has, which has neither SEXT nor MIN and MAX nor MULSH.
Where a core has SEXT, as those of the ESP32 and its successors have, it stands for a pair of shifts. Writes the table
of docs/chips.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import xtensa  # noqa: E402 (the path above comes first)

PAGE = ROOT / "docs" / "chips.md"
BEGIN, END = "<!-- written by benchmarks/xtensa_loops.py -->", "<!-- end -->"
# The loop of each file that multiplies the most, and the multiply-accumulates that a multiplication stands for.
LOOPS = {
    "dot_3x8_s8": ("3x8 blocks, three pixels in two words", 1.5),
    "gemm_1x8_s8": ("a vector times a matrix", 1),
    "conv2d_winograd_2x2_s8": ("Winograd's products", 1),
}


def inner_loops(assembly: str) -> Iterator[list[str]]:
    """Instructions from a label to the branch that goes back there, with no other branch between."""
    labels: dict[str, int] = {}
    code: list[str] = []
    for line in assembly.split("\n"):
        label = re.match(r"(\.L\d+):", line)
        if label:
            labels[label[1]] = len(code)
        elif re.match(r"\t[a-z]", line):
            code.append(" ".join(line.split()))
            target = re.match(r"b.* (\.L\d+)$", code[-1])
            if target and target[1] in labels:
                body = code[labels[target[1]] :]
                if not any(re.match(r"(j|b[\w.]+) ", instruction) for instruction in body[:-1]):
                    yield body


def row(name: str) -> str:
    what, each = LOOPS[name]
    path = ROOT / "src" / "kernels" / f"{name}.c"
    command = [xtensa.GCC, *xtensa.FLAGS, *xtensa.INCLUDES, "-S", str(path), "-o", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    loops = [(sum(i.startswith("mul") for i in body), -len(body), body) for body in inner_loops(text)]
    multiplications, _, body = max(loops)
    signs = sum(re.match(r"srai .*, 24$", i) is not None for i in body)
    moved = sum(re.match(r"[ls]32i\S* .*\bsp,", i) is not None for i in body)
    macs = round(multiplications * each)
    values = (len(body), macs, f"{len(body) / macs:.2f}", signs, moved, f"{(len(body) - signs) / macs:.2f}")
    return f"| `{name}`: {what} | {' | '.join(map(str, values))} |"


def main() -> int:
    head = "| loop | instructions | products | per product | sign extensions | sums in memory | per product with SEXT |"
    lines = [head, "|---|" + "---:|" * 6, *map(row, LOOPS)]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text("\n".join([before + BEGIN, *lines, END]) + rest.partition(END)[2], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
