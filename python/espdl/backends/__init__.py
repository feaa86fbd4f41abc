# SPDX-License-Identifier: Apache-2.0
"""Backends: how a chip, or portable C, runs an operator."""

from __future__ import annotations

from espdl.backends.limits import with_limits
from espdl.backends.lowering import Lowering, lowerings, packings
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import Target

__all__ = ["Selection", "lower", "packings", "select", "with_limits"]


# Has no kernels of its own: it runs what all others declined.
FALLBACK = "tvm"


class Selection:
    """What the target's backends say to one operator: who takes it, and who declined it and why."""

    def __init__(self, node: Operator, target: Target):
        self.backend: str | None = None
        self.lowering: Lowering | None = None
        self.declined: list[str] = []
        table = lowerings()
        for backend in target.backends:
            candidate = table.get((backend, node.name))
            if candidate is None and (backend == FALLBACK or (FALLBACK, node.name) in table):
                continue  # it takes what is left, not this operator; nobody wants to read that
            reason = _decline(candidate, node, target)
            if reason is None:
                self.backend, self.lowering = backend, candidate
                return
            self.declined.append(f"{backend}: {reason}")


def _decline(candidate: Lowering | None, node: Operator, target: Target) -> str | None:
    """Why a backend's lowering (None: it has none) does not take `node`; None where it does."""
    if candidate is None:
        return "it has no kernel for this operator"
    if not candidate.takes_int16 and any(t.dtype == "int16" for t in (*node.inputs, *node.outputs)):
        return "its kernel has no 16-bit form"
    return candidate.accept(node, target)


def select(node: Operator, target: Target) -> Selection:
    """Asks the target's backends in order."""
    return Selection(node, target)


def lower(node: Operator, target: Target) -> KernelCall:
    """The kernel call of the first backend that accepts `node`; ValueError where none does."""
    from dataclasses import replace

    choice = select(node, target)
    if choice.lowering is None:
        raise ValueError(f"{node.name}: {'; '.join(choice.declined)}")
    call = choice.lowering.lower(node, target)
    notes = call.notes + tuple(choice.declined)
    return replace(call, backend=choice.backend, notes=notes, alignment=choice.lowering.alignment)
