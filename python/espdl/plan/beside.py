# SPDX-License-Identifier: Apache-2.0
"""Independent calls side by side: of two calls that no kernel can cut in halves, each core computes one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from espdl.plan.graph import CallGraph, Span

# Backends whose functions are sure to have no memory of their own that two calls would share.
NOT_BESIDE = frozenset({"esp_dl"})


def pairs(graph: CallGraph, price: Callable[[int], float | None], barrier: float) -> tuple[int, ...]:
    """The first of each two neighbouring calls that are worth to be computed at once; no call is in two of them.

    `price`: instructions of a call on one core; None where it is none of those.
    """
    found: list[int] = []
    for first, second in itertools.pairwise(range(len(graph.calls))):
        costs = [price(call) for call in (first, second)]
        if (found and found[-1] + 1 == first) or any(cost is None or cost <= barrier for cost in costs):
            continue
        if all(_is_free(graph, call) for call in (first, second)) and not _depend(graph, first, second):
            found.append(first)
    return tuple(found)


def _is_free(graph: CallGraph, index: int) -> bool:
    call = graph.calls[index]
    return not call.prepare and not call.asks and call.backend not in NOT_BESIDE


def _depend(graph: CallGraph, first: int, second: int) -> bool:
    """Whether one of two calls writes what the other one reads or writes."""
    return _touch(graph.writes(first), graph.reads(second) + graph.writes(second)) or _touch(
        graph.reads(first), graph.writes(second)
    )


def _touch(some: list[Span], others: list[Span]) -> bool:
    return any(a.overlaps(b) for a in some for b in others)
