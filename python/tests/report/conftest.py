# SPDX-License-Identifier: CC0-1.0
import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

# hand_made.py serves several folders.
sys.path[:0] = [str(Path(__file__).parents[1] / "verify")]

import hand_made  # noqa: E402 (the path above comes first)

from espdl import report  # noqa: E402
from espdl.plan.types import Plan  # noqa: E402

HOSTILE = (
    '<script>alert("1")</script>',
    "</title><img src=http://example.com/x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "line\nbreak\0\u202e\ud800",
    "名前" * 40,
    "&amp;&#60;",
    "model/batch_normalization_25/FusedBatchNormV3;model/depthwise_conv2d_12/depthwise;" * 3,
    "",
    "' onmouseover='alert(1)",
)


def hostile_plan() -> Plan:
    """The hand-made network with names that try to break out, a fallback layer, an inexact one, and notes."""
    plan = hand_made.residual_network()
    calls = [
        dataclasses.replace(call, source_nodes=(HOSTILE[i % len(HOSTILE)],), notes=(HOSTILE[-1 - i % len(HOSTILE)],))
        for i, call in enumerate(plan.calls)
    ]
    calls[2] = dataclasses.replace(calls[2], backend="tvm")
    calls[3] = dataclasses.replace(calls[3], exact=False)
    calls[4] = dataclasses.replace(calls[4], scratch_bytes=32, scratch_offset=0)
    inputs = tuple(dataclasses.replace(port, name=HOSTILE[1]) for port in plan.inputs)
    return dataclasses.replace(plan, calls=tuple(calls), inputs=inputs)


@pytest.fixture(scope="session")
def sound() -> dict[str, Any]:
    return report.make(hand_made.residual_network(), "net", 4096, "0123456789abcdef", version="1.2.3")


@pytest.fixture(scope="session")
def hostile() -> dict[str, Any]:
    """Everything that a report can have."""
    plan = hostile_plan()
    errors = {call.outputs[0]: 45.0 - 6 * i for i, call in enumerate(plan.calls)}
    values = report.make(plan, "net", 3 << 20, HOSTILE[0], warnings=HOSTILE[:2], errors=errors)
    costs = [1000 * (i + 1) for i in range(len(plan.calls))]
    return report.with_cost(values, costs, "cycles", HOSTILE[1], per_microsecond=240.0, code_bytes=54321)
