# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import pytest

# layers.py serves this folder; the networks with random weights are those of the benchmarks.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))


@pytest.fixture(scope="session")
def build_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all programs, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("programs")
