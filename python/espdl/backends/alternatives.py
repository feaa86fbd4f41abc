# SPDX-License-Identifier: Apache-2.0
"""Kernels that compute the same bytes in fewer instructions for more flash: which layers get them, within a budget.

Registered as lowerings are, in `espdl/backends/<backend>/`, by functions that are given what the backend's lowering
said. Only a layer's estimate decides, never its bytes, which all alternatives share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

from espdl.backends.lowering import packings
from espdl.ops.operator import Operator
from espdl.plan.types import Cost, KernelCall
from espdl.targets import Target

_Alternatives = Callable[[Any, KernelCall, Target], Iterable[KernelCall]]
_Function = TypeVar("_Function", bound=_Alternatives)
_alternatives: dict[tuple[str, str], _Alternatives] = {}

# Of kernels that nobody measured: what their inner loops take.
_UNKNOWN: Cost = (0.0, 20.0, 2.7)


@dataclass(frozen=True)
class _Option:
    """A call that takes `flash` bytes more than the plain one and saves so many `instructions`."""

    call: KernelCall
    flash: int
    instructions: int


def alternatives(operator: str, backend: str) -> Callable[[_Function], _Function]:
    """Function decorator: registers what else `backend` has for calls of an operator that it took."""

    def register(function: _Function) -> _Function:
        known = _alternatives.setdefault((backend, operator), function)
        if known is not function:
            raise RuntimeError(f"backend '{backend}' has alternatives for '{operator}' in {known} and {function}")
        return function

    return register


def within(
    budget: int,
    nodes: Sequence[Operator],
    calls: Sequence[KernelCall],
    target: Target,
    costs: Mapping[str, Cost],
    count: Callable[[str], int],
    most_scratch: Mapping[tuple[str, ...], int] = MappingProxyType({}),
) -> list[KernelCall]:
    """`calls` of `nodes`, some of them faster for at most `budget` bytes of flash together: what saves the most
    instructions for a byte first.

    `costs` are those of kernels, by name; `count` the elements of a tensor. `most_scratch`, by outputs, are the
    bytes of scratch that an alternative may need, where that matters. Optimised for size, nothing changes.
    """
    if target.optimize == "size":
        return list(calls)
    options = [
        [o for o in _options(node, call, target, costs, count) if o.call.scratch_bytes <= room]
        for node, call in zip(nodes, calls)
        for room in (most_scratch.get(call.outputs, math.inf),)
    ]
    chosen: dict[int, _Option] = {}
    while True:
        steps = [
            (_per_byte(option, chosen.get(index)), index, option)
            for index, found in enumerate(options)
            for option in found
            if option.instructions > (chosen[index].instructions if index in chosen else 0)
            and option.flash - (chosen[index].flash if index in chosen else 0) <= budget
        ]
        if not steps:
            break
        _, index, option = max(steps, key=lambda step: (step[0], -step[1]))
        budget -= option.flash - (chosen[index].flash if index in chosen else 0)
        chosen[index] = option
    return [
        replace(chosen[i].call, trade=(chosen[i].flash, chosen[i].instructions))
        if i in chosen
        else _with_offer(call, options[i])
        for i, call in enumerate(calls)
    ]


def _options(
    node: Operator, call: KernelCall, target: Target, costs: Mapping[str, Cost], count: Callable[[str], int]
) -> list[_Option]:
    function = _alternatives.get((call.backend, node.name))
    if function is None:
        return []

    def instructions(call: KernelCall) -> float:
        once, value, product = costs.get(call.function, _UNKNOWN)
        return once + value * sum(count(name) for name in call.outputs) + product * call.work

    plain, before = instructions(call), flash_bytes(call)
    found = [
        _Option(other, flash_bytes(other) - before, int(plain - instructions(other)))
        for other in function(node, call, target)
    ]
    return [option for option in found if option.instructions > 0]


def flash_bytes(call: KernelCall) -> int:
    """Of a call's constants as its kernel reads them."""
    return sum(array.nbytes for array in packings()[call.packing](call))


def _per_byte(option: _Option, before: _Option | None) -> float:
    instructions, flash = option.instructions, option.flash
    if before is not None:
        instructions, flash = instructions - before.instructions, flash - before.flash
    return instructions / flash if flash > 0 else math.inf


def _with_offer(call: KernelCall, options: Sequence[_Option]) -> KernelCall:
    """With what a larger budget would buy, for the report."""
    if not options:
        return call
    least = min(options, key=lambda option: option.flash)
    offer = (
        f"{least.flash:,} bytes more flash for its weights would save about {least.instructions:,} instructions"
        " (FLASH_BUDGET)"
    )
    return replace(call, notes=(*call.notes, offer))
