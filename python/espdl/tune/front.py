# SPDX-License-Identifier: Apache-2.0
"""Which of the measured points are worth having: those that no other is better than in everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COSTS = ("instructions", "arena_bytes", "weights_bytes")
WORDS = {"instructions": "instructions", "arena_bytes": "bytes of arena", "weights_bytes": "bytes of weights"}
# What limits may be set on, besides costs.
_ACCURACIES = ("score", "sqnr_db", "agreement")


@dataclass(frozen=True)
class Point:
    """One setting: `params` of the search space, `settings` are fields of Options, MEMORY among them.

    `score` is what is maximised: dB, or what the user's metric says. `spread`: between the largest and the smallest
    answer of the metric. `costs` by name of COSTS; None: not known.
    """

    params: Mapping[str, str]
    settings: Mapping[str, Any]
    score: float
    sqnr_db: float
    agreement: float | None
    accuracy: float | None
    costs: Mapping[str, int | None]
    spread: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What a point must keep to: `score`, `sqnr_db` and `agreement` at least, each of `costs` at most."""

    score: float | None = None
    sqnr_db: float | None = None
    agreement: float | None = None
    costs: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_accuracy(self) -> bool:
        return any(getattr(self, name) is not None for name in _ACCURACIES)

    @property
    def names(self) -> list[str]:
        """Of what is limited, as in `excess`."""
        return [*(name for name in _ACCURACIES if getattr(self, name) is not None), *self.costs]

    def excess(self, point: Point) -> dict[str, float]:
        """By what a point fails, how much of the limit it is beyond it: 0.1 for 10 %. Empty where it keeps to all."""
        found = {}
        for name in _ACCURACIES:
            least, value = getattr(self, name), getattr(point, name)
            if least is not None and (value is None or value < least):
                found[name] = 1.0 if value is None else (least - value) / max(abs(least), 1e-9)
        for name, most in self.costs.items():
            cost = point.costs[name]
            if cost is None or cost > most:
                found[name] = 1.0 if cost is None else (cost - most) / max(most, 1)
        return found


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that none dominates, cheapest first; of equal ones the first. A cost that is not known is the
    largest.
    """
    found: list[Point] = []
    for point in points:
        if any(_covers(other, point) for other in found):
            continue
        found = [other for other in found if not _covers(point, other)]
        found.append(point)
    return sorted(found, key=lambda p: (*(_known(p, name) for name in COSTS), -p.score))


def _covers(one: Point, other: Point) -> bool:
    """Whether `one` is as good as the other in everything."""
    return one.score >= other.score and all(_known(one, name) <= _known(other, name) for name in COSTS)


def _known(point: Point, name: str) -> float:
    cost = point.costs[name]
    return float("inf") if cost is None else cost


def preferred(points: Sequence[Point], default: Point, limits: Limits) -> list[Point]:
    """The points that may be taken, the best first.

    With a least accuracy: what keeps to all limits, cheapest first. Without: the most accurate. Nothing that costs more
    than the default in anything, unless limits on costs say how much may be used, or the default itself is beyond one.
    """
    able = [point for point in points if not limits.excess(point)]
    if not limits.costs and not limits.excess(default):
        able = [p for p in able if all(_known(p, name) <= _known(default, name) for name in COSTS)]
    if limits.has_accuracy:
        return sorted(able, key=lambda p: (_price(p, default), -p.score))
    return sorted(able, key=lambda p: (-p.score, _price(p, default)))


def _price(point: Point, default: Point) -> float:
    """All costs as one number: the product of their ratios to the default's."""
    ratios = [
        _known(point, name) / max(_known(default, name), 1.0) for name in COSTS if default.costs[name] is not None
    ]
    return math.prod(ratios)


def nearest(points: Sequence[Point], limits: Limits) -> Point:
    """The point that is least beyond the limits."""
    return min(points, key=lambda p: (max(limits.excess(p).values(), default=0.0), sum(limits.excess(p).values())))
