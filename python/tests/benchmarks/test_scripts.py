# SPDX-License-Identifier: CC0-1.0
"""The scripts that measure find what they import, tests' modules among it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.mark.parametrize(
    "script", ["accuracy.py", "esp32.py", "esp32s3.py", "networks.py", "run.py", "tune.py", "tune_example.py"]
)
def test_help(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout
