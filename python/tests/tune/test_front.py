# SPDX-License-Identifier: CC0-1.0
"""Which points are on the front, which is chosen, and which is nearest to limits that nothing keeps to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from espdl.tune.front import COSTS, Limits, Point, nearest, pareto, preferred
from espdl.tune.noise import confirmed

COST = st.one_of(st.none(), st.integers(1, 5))


@st.composite
def points(draw: st.DrawFn) -> Point:
    score = float(draw(st.integers(0, 4)))
    return Point({}, {"effort": "fast"}, score, score, score / 4, None, {name: draw(COST) for name in COSTS})


def at_least(a: Point, b: Point) -> bool:
    """Written apart: whether `a` is nowhere worse; what is not known is the worst."""
    costs = [(a.costs[n], b.costs[n]) for n in COSTS]
    return a.score >= b.score and all(y is None or (x is not None and x <= y) for x, y in costs)


@given(st.lists(points(), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(found: list[Point]) -> None:
    front = pareto(found)
    assert all(any(at_least(f, p) for f in front) for p in found)
    assert not any(at_least(a, b) for a in front for b in front if a is not b)
    assert all(any(f is p for p in found) for f in front)


LIMITS = st.builds(
    Limits,
    sqnr_db=st.one_of(st.none(), st.floats(0, 5)),
    costs=st.dictionaries(st.sampled_from(COSTS), st.integers(1, 5), max_size=2),
)


@given(st.lists(points(), min_size=1, max_size=12), LIMITS)
def test_the_choice_is_never_worse_than_the_default(found: list[Point], limits: Limits) -> None:
    default = found[0]
    able = preferred(found, default, limits)
    assert not any(limits.excess(p) for p in able)
    if limits.excess(default):
        assert bool(able) == any(not limits.excess(p) for p in found)
        assert nearest(found, limits) in found
        return
    chosen = able[0]
    if limits.has_accuracy or not limits.costs:
        assert limits.costs or all(at_least_cheap(chosen, default, name) for name in COSTS)
    if not limits.has_accuracy:
        assert chosen.score >= default.score


def at_least_cheap(a: Point, b: Point, name: str) -> bool:
    x, y = a.costs[name], b.costs[name]
    return y is None or (x is not None and x <= y)


def test_luck_is_no_gain() -> None:
    """A point that seemed better, and is not when the metric is asked again, gives way to one that is."""
    costs = dict.fromkeys(COSTS, 1)
    lucky, better, default = (Point({}, {}, s, s, None, None, costs) for s in (9.0, 8.0, 5.0))
    answers = {id(lucky): [4.0, 6.1] * 12, id(better): [6.9, 7.1] * 12, id(default): [4.9, 5.1] * 12}

    def ask(points: list[Point]) -> list[list[float]]:
        return [answers[id(p)] for p in points]

    assert confirmed([lucky, better, default], default, Limits(), ask) is better
    assert confirmed([lucky, default], default, Limits(), ask) is default
    assert confirmed([lucky], default, Limits(score=6.0), ask) is None
    assert confirmed([better], default, Limits(score=6.0), ask) is better
