# SPDX-License-Identifier: Apache-2.0
"""From a model to the best settings that were found: starts, then what the sampler proposes, all of them measured."""

from __future__ import annotations

from collections import deque
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

    `in_flight`: a candidate is proposed when all have been measured but so many before it; it is no number of workers,
    on which nothing may depend.
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
    in_flight: int = 12
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
        given = request.options
        self._came_quantized = frontend.load(given.model, given.shapes, given.input).carries_quantization
        # By name of a candidate.
        self._results: dict[str, Result] = {}
        self._points: dict[str, list[Point]] = {}

    def run(self) -> Found:
        """Measures the default, the starts and what the sampler proposes. Raises EspdlError where not even the default
        can be measured.
        """
        analysis = self._asked_analysis()
        self._computer.done = lambda count: self._progress("candidates", count - bool(analysis), self._request.count)
        # What needs no analysis is under way before its end.
        early = self._space(())
        starts = early.starts()[: self._request.count]
        for params in starts:
            self._ask(early, params)
        failure = self._computer.result(self._job_of(early, starts[0]))["failure"]
        if failure is not None:
            raise EspdlError(failure["what"], failure["why"], failure["remedy"])
        found = self._space(self._losses(analysis))
        self._measure(found)
        return self._found(self._chosen(found))

    def so_far(self) -> Found | None:
        """What is known after an interruption; None before the default was measured."""
        return self._found(self._able()[0] if self._able() else None) if self._points else None

    @property
    def _default(self) -> Point:
        """The first that is measured, as the user has it."""
        return next(iter(self._points.values()))[0]

    def _asked_analysis(self) -> Job | None:
        """What every layer loses, where the precision of layers is open."""
        options = self._request.options
        if self._came_quantized or not space.wants_losses(options, self._request.fixed):
            return None
        job = self._job(replace(options, scheme="affine"), (), jobs.ANALYZE)
        self._computer.ask(job, self._inputs)
        return job

    def _losses(self, analysis: Job | None) -> list[LayerLoss]:
        if analysis is None:
            return []
        rows = self._computer.result(analysis).get("layers", ())  # none where it cannot work
        return [LayerLoss(row["node"], row["own_db"]) for row in rows if row["inner"]]

    def _space(self, losses: Sequence[LayerLoss]) -> Space:
        return space.of(self._request.options, self._request.fixed, losses, came_quantized=self._came_quantized)

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

    def _job_of(self, found: Space, params: Params) -> Job:
        repeats = _REPEATS if self._request.metric else 1
        return self._job(found.options(params), found.memories, repeats=repeats)

    def _ask(self, found: Space, params: Params) -> None:
        self._computer.ask(self._job_of(found, params), self._inputs)

    def _measure(self, found: Space) -> None:
        """Results and points of all candidates. Each is proposed when the same others have been measured, and those are
        told in their order, whoever is done first.
        """
        starts = deque(found.starts()[: self._request.count])
        for params in starts:
            self._ask(found, params)
        self._take(found, starts.popleft())
        costs = [name for name in front.COSTS if self._default.costs[name] is not None]
        sampler = Sampler(found.dimensions, costs, self._request.seed)
        known = {found.name(found.default)}
        running = deque([found.default])
        sampler.begin(found.default)
        is_open = True
        while running:
            while is_open and (starts or len(running) < self._request.in_flight):
                new = starts.popleft() if starts else self._proposed(found, sampler, known)
                is_open = new is not None
                if new is not None:
                    known.add(found.name(new))
                    self._ask(found, new)
                    sampler.begin(new)
                    running.append(new)
            params = running.popleft()
            self._take(found, params)
            sampler.tell(params, *self._values(self._points[found.name(params)], costs))

    def _take(self, found: Space, params: Params) -> None:
        """Result and points of a candidate that was asked for."""
        result = self._computer.result(self._job_of(found, params))
        self._results[found.name(params)] = result
        self._points[found.name(params)] = _points(found, params, result)

    def _proposed(self, found: Space, sampler: Sampler, known: set[str]) -> Params | None:
        """A candidate that nobody has asked for."""
        if len(known) >= self._request.count:
            return None
        return sampler.proposed(lambda params: found.name(params) not in known)

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
            options = [found.options(point.params) for point in points]
            work = [(self._job(o, found.memories, repeats=noise.REPEATS), self._inputs) for o in options]
            results = self._computer.results(work)
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
