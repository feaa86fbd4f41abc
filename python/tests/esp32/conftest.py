# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import harness
import pytest

# The tests of this folder share mac16_harness.py; benchmarks/xtensa has the machine.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

import mac16_harness


@pytest.fixture(autouse=True)
def mac16_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """`harness.check` runs the kernels of this backend."""
    monkeypatch.setattr(harness, "functions", mac16_harness.functions)
    monkeypatch.setattr(harness, "runner", mac16_harness.runner)
