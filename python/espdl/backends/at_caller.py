# SPDX-License-Identifier: Apache-2.0
"""Inputs that the application has in memory of its own: which calls can read them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from espdl.backends import lower
from espdl.ops.copy import Copy, View
from espdl.plan.types import KernelCall, Port, Tensor
from espdl.targets import Target


def inputs_at_caller(
    calls: Sequence[KernelCall],
    tensors: Sequence[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    target: Target,
) -> tuple[list[KernelCall], list[Tensor], tuple[Port, ...]]:
    """The network with all `inputs` at the caller: calls, tensors and input ports.

    An input is copied to the arena first where something wants it at a place known before the run: a kernel that was
    prepared for its arguments, or an output that is the input in other dimensions.
    """
    result, known = list(calls), {t.name: t for t in tensors}
    ports = []
    for port in inputs:
        inside = _aliases(tensors, port.tensor)
        fixed = any(call.prepare and inside & set(call.inputs) for call in calls)
        x = replace(known[port.tensor], at_caller=True)
        if fixed or any(output.tensor in inside for output in outputs):
            x = replace(x, name=f"{x.name} at the caller")
            y = known[port.tensor]
            result.insert(0, lower(Copy((x,), (y,), (), View(0, ((x.count, 1),))), target))
        known[x.name] = x
        ports.append(replace(port, tensor=x.name))
    return result, list(known.values()), tuple(ports)


def _aliases(tensors: Sequence[Tensor], root: str) -> set[str]:
    """`root` and all that lies in its memory."""
    found, more = {root}, {root}
    while more:
        more = {t.name for t in tensors if t.alias_of in more} - found
        found |= more
    return found
