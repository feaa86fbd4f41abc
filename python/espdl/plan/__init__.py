# SPDX-License-Identifier: Apache-2.0
"""From kernel calls to a Plan: execution order and memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from espdl.plan import graph, memory, schedule
from espdl.plan.types import KernelCall, Plan, Port, Tensor


def run(
    calls: Sequence[KernelCall],
    tensors: Iterable[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    target: str,
    scheme: str,
    functions: Mapping[str, str] | None = None,
) -> Plan:
    """The Plan of a network: `calls` in the order with the smallest peak, every tensor placed in the arena.

    `calls` come in any order that computes the network, `tensors` are all they name. Raises ValueError, naming call and
    tensor, where the network is malformed.
    """
    tensors = tuple(tensors)
    ordered = schedule.order(graph.build(calls, tensors, inputs, outputs))
    plan = Plan(
        tensors=tensors,
        calls=ordered,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        functions=dict(functions or {}),
        scheme=scheme,
        target=target,
    )
    return memory.assign(plan)
