# SPDX-License-Identifier: Apache-2.0
"""Kernels that need less scratch memory where they may: two cores have it twice.

Registered by name of the C function, in `espdl/backends/<backend>/`. The bytes of the outputs stay.
"""

from __future__ import annotations

from collections.abc import Callable

from espdl.plan.types import KernelCall

_Smaller = Callable[[KernelCall, int], KernelCall]
_smaller: dict[str, _Smaller] = {}


def with_less_scratch(function: str) -> Callable[[_Smaller], _Smaller]:
    """Function decorator: registers how a call of the C `function` takes at most so many bytes of scratch, or as few as
    it can."""

    def register(smaller: _Smaller) -> _Smaller:
        known = _smaller.setdefault(function, smaller)
        if known is not smaller:
            raise RuntimeError(f"'{function}' has less scratch by {known} and {smaller}")
        return smaller

    return register


def can_shrink(call: KernelCall) -> bool:
    return call.function in _smaller


def within_scratch(call: KernelCall, room: float) -> KernelCall:
    """`call` with at most `room` bytes of scratch, if its kernel has a choice."""
    fits = call.scratch_bytes <= room or not can_shrink(call)
    return call if fits else _smaller[call.function](call, int(room))
