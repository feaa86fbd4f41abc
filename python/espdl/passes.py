# SPDX-License-Identifier: Apache-2.0
"""Passes: what every one needs and leaves, said beside it, and the loop that runs a list of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Context = TypeVar("Context")

# (name of the pass, what came out of it): called after every pass.
PassWatch = Callable[[str, Any], None]


@dataclass(frozen=True)
class Pass(Generic[Value, Context]):
    """One change of a whole value: `run(value, context)` gives the changed one.

    `needs`: facts that must hold before; `leaves`: those that hold afterwards because of it; `undoes`: those that it
    may break, so that their passes run again. A fact is a word, and the tests know how to check it.
    """

    name: str
    run: Callable[[Value, Context], Value]
    needs: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    undoes: tuple[str, ...] = ()


def run_passes(
    passes: Sequence[Pass[Value, Context]],
    value: Value,
    context: Context,
    check: Callable[[Value, Value], None],
    watch: PassWatch,
) -> Value:
    """`value` after all passes in order. `check(before, after)` raises where a pass broke what none may change."""
    for step in passes:
        result = step.run(value, context)
        try:
            check(value, result)
        except Exception as error:
            raise RuntimeError(f"the pass '{step.name}' is wrong: {error}") from error
        value = result
        watch(step.name, value)
    return value
