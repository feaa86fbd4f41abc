# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path
from typing import Any

import pytest

# hand_made.py serves several folders.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "verify")]

import hand_made  # noqa: E402 (the path above comes first)
from hostile_names import HOSTILE, hostile_plan  # noqa: E402

from espdl import report  # noqa: E402


@pytest.fixture(scope="session")
def sound() -> dict[str, Any]:
    plan = hand_made.residual_network()
    environment = {"python": "3.99.1", "numpy": "2.7", "onnx": None}
    return report.make(plan, "net", 4096, "0123456789abcdef", version="1.2.3", environment=environment)


@pytest.fixture(scope="session")
def hostile() -> dict[str, Any]:
    """Everything that a report can have."""
    plan = hostile_plan()
    errors = {call.outputs[0]: 45.0 - 6 * i for i, call in enumerate(plan.calls)}
    values = report.make(plan, "net", 3 << 20, HOSTILE[0], warnings=HOSTILE[:2], errors=errors)
    costs = [1000 * (i + 1) for i in range(len(plan.calls))]
    return report.with_cost(values, costs, "cycles", HOSTILE[1], per_microsecond=240.0, code_bytes=54321)
