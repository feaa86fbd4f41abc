# SPDX-License-Identifier: Apache-2.0
"""Results of jobs: from the store where somebody has computed them, from a runner where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result
from espdl.tune.store import Store


class Runner(Protocol):
    """Where jobs run: a context manager."""

    def __enter__(self) -> Runner: ...

    def __exit__(self, *exception: object) -> None: ...

    def submit(self, job: Job, inputs: Inputs) -> None:
        """Takes a job. Earlier ones begin earlier."""

    def ended(self) -> tuple[Job, Result]:
        """One of the jobs taken, when it has ended: each once, in whatever order they end."""


class Computer:
    """`computed`: how many jobs the runner had to do; `done`: called with the number of results after each."""

    def __init__(self, store: Store, runner: Runner):
        self.store = store
        self.computed = 0
        self.done: Callable[[int], None] = lambda count: None
        self._runner = runner
        # By key of a job that was asked for; None while the runner has it.
        self._results: dict[str, Result | None] = {}
        self._count = 0

    def ask(self, job: Job, inputs: Inputs) -> None:
        """Has a job done, if nobody has; `result` waits for it."""
        if job.key in self._results:
            return
        self._results[job.key] = None
        if (kept := self.store.get(job.key)) is not None:
            self._there(job, kept)
        else:
            self._runner.submit(job, inputs)

    def result(self, job: Job) -> Result:
        """Of a job that was asked for. What ends before it is kept as soon as it is there."""
        while (found := self._results[job.key]) is None:
            ended, result = self._runner.ended()
            if not result.get("passing"):
                self.store.put(ended.key, result)
            self.computed += 1
            self._there(ended, result)
        return found

    def results(self, work: Sequence[tuple[Job, Inputs]]) -> list[Result]:
        """One result for each job, in their order."""
        for job, inputs in work:
            self.ask(job, inputs)
        return [self.result(job) for job, _ in work]

    def _there(self, job: Job, result: Result) -> None:
        self._results[job.key] = result
        self._count += 1
        self.done(self._count)
