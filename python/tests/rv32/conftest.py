# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import pytest

from espdl.verify import rv32

# The kernel tests and the benchmarks' networks are run here on another machine.
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "kernels"), str(TESTS.parents[1] / "benchmarks")]


@pytest.fixture(scope="session")
def rv32_tools() -> None:
    """Skips the test where nothing can be built or run for rv32."""
    reason = rv32.available()
    if reason is not None:
        pytest.skip(reason)
