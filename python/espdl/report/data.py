# SPDX-License-Identifier: Apache-2.0
"""The report as plain values: what report.json holds, and what every other form of the report is made from."""

from __future__ import annotations

import json
from typing import Any

from espdl.plan.types import KernelCall, Plan


def make(plan: Plan, name: str, weights_bytes: int, identity: str) -> dict[str, Any]:
    """Totals and layers of a compiled model. Sizes in bytes; `weights_bytes` is the size of the blob."""
    return {
        "name": name,
        "identity": identity,
        "chip": plan.target,
        "scheme": plan.scheme,
        "macs": plan.macs,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound": plan.arena_lower_bound,
        "weights_bytes": weights_bytes,
        "layers": [_layer(plan, call) for call in plan.calls],
    }


def to_json(report: dict[str, Any]) -> bytes:
    """The text of report.json."""
    return (json.dumps(report, indent=1) + "\n").encode()


def reference(plan: Plan, name: str, identity: str) -> bytes:
    """The text of `<name>_reference.json`: all that `espdl debug` needs to compute what the firmware must compute."""
    values = {"name": name, "identity": identity, "plan": json.loads(plan.to_json())}
    return (json.dumps(values, indent=1) + "\n").encode()


def _layer(plan: Plan, call: KernelCall) -> dict[str, Any]:
    output = plan.tensor(call.outputs[0])
    return {
        "nodes": list(call.source_nodes),
        "operator": call.operator,
        "kernel": call.function,
        "backend": call.backend,
        "shape": list(output.shape),
        "dtype": output.dtype,
        "macs": call.macs,
        "scratch_bytes": call.scratch_bytes,
        "notes": list(call.notes),
    }
