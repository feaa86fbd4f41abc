# SPDX-License-Identifier: CC0-1.0
"""Names from strangers, and a network that is full of them."""

from __future__ import annotations

import dataclasses

import hand_made

from espdl.plan.types import Plan

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
