# SPDX-License-Identifier: Apache-2.0
"""From a model to the best settings that were found: starts, then batches of the sampler, every candidate measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from espdl import frontend
from espdl.errors import EspdlError
from espdl.options import Options
from espdl.tune import front, inputs, jobs, noise, space
from espdl.tune.compute import Computer
from espdl.tune.front import Limits, Point
from espdl.tune.jobs import Job, Result
from espdl.tune.sampler import Sampler
from espdl.tune.space import LayerLoss, Params, Space

# How often a metric is asked for a candidate: twice shows whether it is noisy.
_REPEATS = 2
# What the sampler is told of a cost that is not known, in multiples of the default's.
_UNKNOWN = 100.0


@dataclass(frozen=True)
class SearchRequest:
    """What is searched: `options` to start from, `fixed` ones of the user's, files, `count` candidates, limits.

    `batch`: how many candidates are proposed together; it is no number of workers, on which nothing may depend.
    `samples`: of the evaluation data, 0 for all. `metric`: the user's script, or None for dB. `counts`: whether
    instructions are counted on an emulated rv32.
    """

    options: Options
    fixed: frozenset[str]
    evaluation: str
    samples: int = 0
    metric: str | None = None
    count: int = 100
    seed: int = 0
    batch: int = 12
    limits: Limits = field(default_factory=Limits)
    counts: bool = False


@dataclass(frozen=True)
class Found:
    """`points`: everything measured, `front` of them the best, `chosen` for the request (None where limits cannot be
    met, then `nearest` is), `failures`: why candidates cannot work, and how many. `is_noisy`: the metric is.
    """

    request: SearchRequest
    default: Point
    points: tuple[Point, ...]
    front: tuple[Point, ...]
    chosen: Point | None
    nearest: Point
    failures: tuple[tuple[str, int], ...]
    candidates: int
    is_noisy: bool


class Search:
    """One search: `run` it; after an interruption `so_far` says what there is."""

    def __init__(self, request: SearchRequest, computer: Computer, progress: Callable[[str, int, int], None]):
        self._request, self._computer, self._progress = request, computer, progress
        self._inputs = inputs.of(request.options, request.evaluation, request.metric)
        # By name of a candidate.
        self._results: dict[str, Result] = {}
        self._points: dict[str, list[Point]] = {}

    def run(self) -> Found:
        """Measures the default, the starts and what the sampler proposes. Raises EspdlError where not even the default
        can be measured.
        """
        found = self._make_space()
        count = self._request.count
        self._measure(found, [found.default])
        failure = self._results[found.name(found.default)]["failure"]
        if failure is not None:
            raise EspdlError(failure["what"], failure["why"], failure["remedy"])
        costs = [name for name in front.COSTS if self._default.costs[name] is not None]
        sampler = Sampler(found.dimensions, costs, self._request.seed)
        batch: Sequence[Params] = found.starts()[:count]
        while batch:
            self._measure(found, batch)
            for params in batch:
                sampler.tell(params, *self._values(self._points[found.name(params)], costs))
            batch = self._proposed(found, sampler)
        return self._found(self._chosen(found))

    def so_far(self) -> Found | None:
        """What is known after an interruption; None before the default was measured."""
        return self._found(self._able()[0] if self._able() else None) if self._points else None

    @property
    def _default(self) -> Point:
        """The first that is measured, as the user has it."""
        return next(iter(self._points.values()))[0]

    def _make_space(self) -> Space:
        options, fixed = self._request.options, self._request.fixed
        came_quantized = frontend.load(options.model, options.shapes, options.input).carries_quantization
        losses: list[LayerLoss] = []
        if not came_quantized and space.wants_losses(options, fixed):
            self._progress("layers", 0, 0)
            affine = replace(options, scheme="affine")
            result = self._computer.results([(self._job(affine, (), jobs.ANALYZE), self._inputs)])[0]
            rows = result.get("layers", ())  # where the analysis cannot work, the default says why
            losses = [LayerLoss(row["node"], row["own_db"]) for row in rows if row["inner"]]
        return space.of(options, fixed, losses, came_quantized=came_quantized)

    def _job(self, options: Options, memories: tuple[str, ...], kind: str = jobs.MEASURE, repeats: int = 1) -> Job:
        return Job(
            kind=kind,
            inputs=self._inputs.digest,
            options=jobs.options_of(options),
            memories=memories,
            samples=self._request.samples,
            repeats=repeats,
            count=self._request.counts,
            compiler=jobs.compiler(),
        )

    def _asked(self, found: Space, batch: Sequence[Params], repeats: int) -> list[Result]:
        work = [(self._job(found.options(p), found.memories, repeats=repeats), self._inputs) for p in batch]
        return self._computer.results(work)

    def _measure(self, found: Space, batch: Sequence[Params]) -> None:
        """Results and points of candidates."""
        known = len(self._results)
        self._computer.done = lambda count: self._progress("candidates", known + count, self._request.count)
        results = self._asked(found, batch, _REPEATS if self._request.metric else 1)
        for params, result in zip(batch, results):
            self._results[found.name(params)] = result
            self._points[found.name(params)] = _points(found, params, result)

    def _proposed(self, found: Space, sampler: Sampler) -> list[dict[str, str]]:
        """A batch of candidates that nobody has asked for."""
        asked = set(self._results)

        def is_new(params: Params) -> bool:
            before = len(asked)
            asked.add(found.name(params))
            return len(asked) > before

        return sampler.batch(min(self._request.batch, self._request.count - len(self._results)), is_new)

    def _values(self, points: Sequence[Point], costs: Sequence[str]) -> tuple[list[float] | None, dict[str, float]]:
        """Objectives of a candidate, and how far beyond each limit it is, with the MEMORY that suits best."""
        if not points:
            return None, {}
        limits, default = self._request.limits, self._default
        point = min(points, key=lambda p: sum(limits.excess(p).values()))
        excess = limits.excess(point)
        values = [point.costs[name] for name in costs]
        known = [_UNKNOWN * (default.costs[n] or 1) if value is None else value for n, value in zip(costs, values)]
        return [point.score, *map(float, known)], {name: excess.get(name, -1.0) for name in limits.names}

    def _able(self) -> list[Point]:
        return front.preferred(self._all, self._default, self._request.limits)

    @property
    def _all(self) -> list[Point]:
        return [point for several in self._points.values() for point in several]

    def _chosen(self, found: Space) -> Point | None:
        able = self._able()
        if not able or not any(point.spread for point in self._all):
            return able[0] if able else None

        def ask(points: Sequence[Point]) -> list[list[float]]:
            results = self._asked(found, [point.params for point in points], noise.REPEATS)
            return [result.get("metric", []) for result in results]

        return noise.confirmed(able, self._default, self._request.limits, ask)

    def _found(self, chosen: Point | None) -> Found:
        failures: dict[str, int] = {}
        for result in self._results.values():
            if result["failure"] is not None:
                why = f"{result['failure']['what']}: {result['failure']['why']}"
                failures[why] = failures.get(why, 0) + 1
        return Found(
            self._request,
            self._default,
            tuple(self._all),
            tuple(front.pareto(self._all)),
            chosen,
            front.nearest(self._all, self._request.limits),
            tuple(failures.items()),
            len(self._results),
            any(point.spread for point in self._all),
        )


def _points(found: Space, params: Params, result: Result) -> list[Point]:
    """One for each choice of MEMORY; none where the candidate cannot work."""
    if result["failure"] is not None:
        return []
    answers = result["metric"]
    return [
        Point(
            params=params,
            settings={**found.settings(params), "memory": memory},
            score=sum(answers) / len(answers) if answers else result["sqnr_db"],
            spread=max(answers) - min(answers) if answers else 0.0,
            costs={name: result["costs"][memory][name] for name in front.COSTS},
            **{name: result[name] for name in ("sqnr_db", "agreement", "accuracy")},
        )
        for memory in found.memories
        if memory in result["costs"]
    ]
