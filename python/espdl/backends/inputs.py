# SPDX-License-Identifier: Apache-2.0
"""Inputs that are not written into the arena before a run: which calls read them where the application has them, and
calls that ask the application for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from espdl.backends import lower
from espdl.ops.copy import Copy, View
from espdl.plan.rows import POINTWISE, Rows
from espdl.plan.types import ASK_ROWS, KernelCall, Port, Tensor
from espdl.targets import Target


def from_application(
    memory: str,
    calls: Sequence[KernelCall],
    tensors: Sequence[Tensor],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    target: Target,
) -> tuple[list[KernelCall], list[Tensor], tuple[Port, ...]]:
    """The network whose inputs come as the option `input_memory` says in `memory`: calls, tensors and input ports.

    An input at the caller is copied to the arena first where something wants it at a place known before the run: a
    kernel that was prepared for its arguments, or an output that is the input in other dimensions. Inputs without rows
    (axis 1 of at least three, a batch of one) are written into the arena where the others are asked for by rows.
    """
    result, known = list(calls), {t.name: t for t in tensors}
    ports = []
    for port in inputs:
        y = known[port.tensor]
        x = replace(y, source="" if memory == "rows" and not _has_rows(y) else memory.removeprefix("arena"))
        if x.source == "rows" or (x.source == "caller" and _must_move(port.tensor, calls, tensors, outputs)):
            x = replace(x, name=f"{y.name} of the application")
            result.insert(0, _copy(x, y, target))
        known[x.name] = x
        ports.append(replace(port, tensor=x.name))
    return result, list(known.values()), tuple(ports)


def _has_rows(tensor: Tensor) -> bool:
    return len(tensor.shape) >= 3 and tensor.shape[0] == 1


def _copy(x: Tensor, y: Tensor, target: Target) -> KernelCall:
    call = lower(Copy((x,), (y,), (), View(0, ((x.count, 1),))), target)
    if x.source == "caller":
        return call
    rows = Rows((POINTWISE,), ())
    return replace(call, function=ASK_ROWS, params=None, header="", overlaps=(), pitched=(), alignment=1, rows=rows)


def _must_move(name: str, calls: Sequence[KernelCall], tensors: Sequence[Tensor], outputs: Sequence[Port]) -> bool:
    inside, more = {name}, {name}  # all that lies in its memory
    while more:
        more = {t.name for t in tensors if t.alias_of in more} - inside
        inside |= more
    prepared = any(call.prepare and inside & set(call.inputs) for call in calls)
    return prepared or any(output.tensor in inside for output in outputs)
