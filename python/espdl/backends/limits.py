# SPDX-License-Identifier: Apache-2.0
"""Which values a tensor can hold: what its writer's activation promises helps to prove that sums stay small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from espdl.backends.accumulators import range_of
from espdl.ops.numerics import activation_range
from espdl.ops.operator import Operator
from espdl.plan.types import Tensor


def with_limits(operators: Iterable[Operator], aliases: Iterable[Tensor]) -> list[Operator]:
    """The operators, in their order of execution, with `limits` in the tensors that they read."""
    sources = {alias.name: alias.alias_of for alias in aliases}
    known: dict[str, tuple[int, int]] = {}

    def limits(name: str) -> tuple[int, int] | None:
        source: str | None = name
        while source is not None and source not in known:
            source = sources.get(source)
        return None if source is None else known[source]

    def annotated(operator: Operator) -> Operator:
        changes: dict[str, Any] = {"inputs": tuple(replace(t, limits=limits(t.name)) for t in operator.inputs)}
        parts = {f.name: getattr(operator, f.name) for f in fields(operator)}
        changes |= {name: annotated(part) for name, part in parts.items() if isinstance(part, Operator)}
        return replace(operator, **changes)

    result = []
    for operator in operators:
        result.append(annotated(operator))
        found = _written(result[-1])
        known.update({y.name: found for y in operator.outputs if found is not None})
    return result


def _written(operator: Operator) -> tuple[int, int] | None:
    """What the outputs of an operator can hold; None where nothing is known but their dtype."""
    (y, *_) = operator.outputs
    last = getattr(operator, "add", operator)
    activation = getattr(last, "activation", None)
    if y.dtype != "int8":
        return None
    read = [range_of(x) for x in operator.inputs if x.dtype == y.dtype]
    found = operator.held(read)
    if activation is None:
        return found
    low, high = activation_range(activation, y)
    return (low, high) if found is None else (min(max(found[0], low), high), min(max(found[1], low), high))
