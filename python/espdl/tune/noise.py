# SPDX-License-Identifier: Apache-2.0
"""A metric that answers differently when it is asked again: luck must not make a point better than the default."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from espdl.tune.front import Limits, Point

# How often it is asked again for a point that might be chosen, and for how many of those.
REPEATS = 24
_CANDIDATES = 6
# Standard errors of a mean that count as certain.
_CERTAIN = 2.0


def confirmed(
    best: Sequence[Point], default: Point, limits: Limits, ask: Callable[[Sequence[Point]], list[list[float]]]
) -> Point | None:
    """The first of `best` whose mean of many answers is certainly no worse than the default's (or than the limit); else
    the default, or where that is beyond the limits, nothing. `ask`: points -> REPEATS answers each.
    """
    is_able = any(point is default for point in best)
    tried = [point for point in best if point is not default][:_CANDIDATES]
    answers = ask([default, *tried])
    needed = limits.score
    if needed is None and is_able and not limits.has_accuracy:
        needed = statistics.fmean(answers[0]) + _error(answers[0])
    for point, values in zip(tried, answers[1:]):
        if needed is None or (len(values) > 1 and statistics.fmean(values) - _error(values) >= needed):
            return point
    return default if is_able else None


def _error(values: Sequence[float]) -> float:
    return _CERTAIN * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
