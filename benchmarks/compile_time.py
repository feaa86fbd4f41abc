#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds and memory that `espdl compile --memory auto` takes for the largest network of networks.py, by chip.

python benchmarks/compile_time.py [--chips ...]

Writes compile_time.json and its table in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

import networks  # noqa: E402 (the path above comes first)
import table  # noqa: E402

RESULTS, PAGE = HERE / "compile_time.json", HERE.parent / "docs" / "benchmarks.md"
NETWORK, CHIPS = "mobilenet_v2", ("generic", "esp32s3")


def measure(data: Path, chip: str, output: Path) -> dict[str, float]:
    """User seconds and most resident megabytes of one process. Raises RuntimeError where it fails."""
    program = "import sys; from espdl.cli import main; sys.exit(main())"
    files = [str(data / "model.onnx"), "--calibration", str(data / "calib.npy"), "--output", str(output)]
    arguments = [sys.executable, "-c", program, "compile", *files, "--chip", chip, "--memory", "auto", "--name", "net"]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "python")}
    _, status, usage = os.wait4(os.posix_spawn(sys.executable, arguments, environment), 0)
    if status != 0:
        raise RuntimeError(f"espdl compile --chip {chip} failed")
    return {"user_seconds": round(usage.ru_utime, 1), "resident_mb": round(usage.ru_maxrss * 1024 / 1e6)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", nargs="+", choices=CHIPS, default=list(CHIPS))
    chips = parser.parse_args().chips
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = networks.write(Path(scratch), [NETWORK])
        results |= {chip: measure(folder / NETWORK, chip, Path(scratch) / chip) for chip in chips}
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    head, rest = PAGE.read_text(encoding="utf-8").split(table.COMPILED_BEGIN)
    PAGE.write_text(head + table.compiled(results) + rest.split(table.COMPILED_END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
