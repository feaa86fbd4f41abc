#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/tuning.md: runs its commands on a network of this repository and writes what they print.

python benchmarks/tune_example.py [--candidates FEW MANY] [--jobs N] [--cache FOLDER]

The digits of examples/digits; half of their test data decides, the other half has the last word. What is in the cache
is not computed again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples" / "digits" / "model"
PAGE = ROOT / "docs" / "tuning.md"
BEGIN, END = "<!-- written by benchmarks/tune_example.py -->", "<!-- end of the example -->"
DATA = "net.onnx --calibration calib.npy --eval eval.npz"
# Decibels that are wanted, and bytes that the arena may have.
GOAL = "--min-sqnr 42 --max-arena 1600"


def commands(few: int, many: int) -> list[str]:
    """The steps, as a user types them."""
    return [
        f"espdl validate {DATA}",
        f"espdl tune {DATA} --candidates {few}",
        f"espdl tune {DATA} --candidates {many} {GOAL} --apply",
        "espdl validate net.onnx --calibration calib.npy --eval third.npz --options net.tuned.json --min-sqnr 42",
    ]


def prepare(folder: Path) -> None:
    """Model and data under the names of the page."""
    shutil.copy(MODEL / "digits.onnx", folder / "net.onnx")
    shutil.copy(MODEL / "calib.npy", folder / "calib.npy")
    with np.load(MODEL / "test.npz") as data:
        for name, part in (("eval", slice(0, None, 2)), ("third", slice(1, None, 2))):
            np.savez(folder / f"{name}.npz", **{key: values[part] for key, values in data.items()})


def transcript(folder: Path, steps: Sequence[str], jobs: int, cache: Path) -> str:
    """Each command and what it prints. Raises CalledProcessError where one fails."""
    blocks = []
    for step in steps:
        words = shlex.split(step)[1:]
        program = [sys.executable, "-I", str(ROOT / "python" / "espdl_cli.py"), *words]
        if words[0] == "tune":
            program += ["--jobs", str(jobs), "--cache", str(cache)]
        done = subprocess.run(program, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        printed = done.stdout.replace(str(cache), "the cache").rstrip()
        blocks.append(f"```\n$ {step}\n{printed}\n```")
    return "\n\n".join(blocks)


def with_example(text: str, example: str) -> str:
    """The page with its example written anew. Raises ValueError where the marks are missing."""
    head, mark, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} lacks the marks around its example")
    return f"{head}{BEGIN}\n\n{example}\n\n{END}{tail}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, nargs=2, default=(12, 36), metavar=("FEW", "MANY"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "tune", help="where results are kept")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        example = transcript(folder, commands(*arguments.candidates), arguments.jobs, arguments.cache.resolve())
    PAGE.write_text(with_example(PAGE.read_text(encoding="utf-8"), example), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
