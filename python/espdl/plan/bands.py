# SPDX-License-Identifier: Apache-2.0
"""Scratch of calls in stripes: for no more rows than a stripe has, and for fewer where memory is short.

A band of fewer rows costs some instructions, a stripe of fewer rows many more. Calls are those of a region, with the
most rows of a stripe (`caps`), the bytes alive beside their scratch (`rest`), and the rows of their bands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from espdl.errors import present
from espdl.plan.graph import aligned
from espdl.plan.parts import with_values
from espdl.plan.rows import Bands
from espdl.plan.stripes import Ran
from espdl.plan.types import KernelCall


def fitted(calls: Iterable[KernelCall], caps: Iterable[int], rest: Iterable[int], room: float) -> list[int]:
    """The largest bands with which no call needs more than `room`, or than some call needs at least."""
    known = [(_sizes(call, cap), other) for call, cap, other in zip(calls, caps, rest)]
    room = max([room, *(other + aligned(min(sizes)) for sizes, other in known)])
    return [
        max([rows for rows, size in enumerate(sizes, 1) if other + aligned(size) <= room], default=1)
        for sizes, other in known
    ]


def peak(calls: Iterable[KernelCall], rest: Iterable[int], bands: Iterable[int]) -> int:
    """Most bytes alive while one of the calls runs."""
    scratch = (_sizes(call, rows)[-1] for call, rows in zip(calls, bands))
    return max(other + aligned(size) for other, size in zip(rest, scratch))


def price(calls: Iterable[KernelCall], runs: Iterable[Mapping[Ran, int]], bands: Iterable[int]) -> float:
    """Instructions that these bands take more than those that the calls have."""
    return sum(
        known.instructions * (_count(by_run, rows) - _count(by_run, len(known.scratch)))
        for call, by_run, rows in zip(calls, runs, bands)
        if (known := _bands(call)) is not None
    )


def banded(call: KernelCall, rows: int) -> KernelCall:
    """`call` with bands of so many rows, if it has any."""
    known = _bands(call)
    if known is None:
        return call
    params = with_values(present(call.params), {known.field: rows})
    return replace(
        call, params=params, scratch_bytes=known.scratch[rows - 1], rows=replace(present(call.rows), bands=None)
    )


def _sizes(call: KernelCall, cap: int) -> Sequence[int]:
    """Bytes of scratch that a call may have in stripes of at most `cap` rows, from bands of one row on."""
    known = _bands(call)
    return (call.scratch_bytes,) if known is None else known.scratch[:cap]


def _count(runs: Mapping[Ran, int], band: int) -> int:
    return sum(times * math.ceil(run.rows / band) for run, times in runs.items())


def _bands(call: KernelCall) -> Bands | None:
    return None if call.rows is None else call.rows.bands
