# SPDX-License-Identifier: Apache-2.0
"""Backends: how a chip, or portable C, runs an operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from espdl.backends.alternatives import within
from espdl.backends.channels import with_channels
from espdl.backends.esp32s3 import estimate as esp32s3
from espdl.backends.limits import with_limits
from espdl.backends.lowering import ANY, Declined, find, lowerings, packings
from espdl.backends.rows import with_rows
from espdl.backends.scratch import can_shrink, within_scratch
from espdl.backends.signals import for_stream, running
from espdl.ops.numerics import Inexact
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import Target

__all__ = [
    "ANY",
    "OF_VECTORS",
    "Selection",
    "can_shrink",
    "estimate_for_vectors",
    "for_stream",
    "lower",
    "lowerings",
    "packings",
    "running",
    "select",
    "with_channels",
    "with_limits",
    "with_rows",
    "within",
    "within_scratch",
]


# Its kernels are fast on whole vectors of channels.
OF_VECTORS = "esp32s3"


def estimate_for_vectors(target: Target) -> Callable[[Operator], float] | None:
    """About how many instructions an operator takes, for kernels that want whole vectors of channels; else None."""
    wanted = OF_VECTORS in target.backends and target.optimize != "size"
    return esp32s3.estimate_for(target) if wanted else None


# Has no kernels of its own: it runs what all others declined.
FALLBACK = "tvm"


@dataclass(frozen=True)
class Selection:
    """What the target's backends say to an operator: the call of the first that takes it, why those before do not."""

    call: KernelCall | None
    declined: tuple[str, ...]

    @property
    def backend(self) -> str | None:
        return None if self.call is None else self.call.backend


def select(node: Operator, target: Target) -> Selection:
    """Asks the target's backends in order."""
    declined: list[str] = []
    for backend in target.backends:
        if (backend == FALLBACK) != (find(FALLBACK, node) is not None):
            continue  # it takes what is left, not this operator; nobody wants to read that
        answer = _ask(backend, node, target)
        if isinstance(answer, Declined):
            declined.append(f"{backend}: {answer.reason}")
        else:
            return Selection(replace(answer, backend=backend, notes=(*answer.notes, *declined)), tuple(declined))
    return Selection(None, tuple(declined))


def _ask(backend: str, node: Operator, target: Target) -> KernelCall | Declined:
    found = find(backend, node)
    if found is None:
        known = [dtype for (name, operator, dtype) in lowerings() if (name, operator) == (backend, node.name)]
        if known:
            return Declined(f"its kernel takes {' or '.join(known)}, not {node.dtype}")
        return Declined("it has no kernel for this operator")
    try:
        answer = found.try_lower(node, target)
    except Inexact as inexact:
        return Declined(str(inexact))
    return answer if isinstance(answer, Declined) else replace(answer, alignment=found.alignment)


def lower(node: Operator, target: Target) -> KernelCall:
    """The kernel call of the first backend that takes `node`; ValueError where none does."""
    selection = select(node, target)
    if selection.call is None:
        raise ValueError(f"{node.name}: {'; '.join(selection.declined)}")
    return selection.call
