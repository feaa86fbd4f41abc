# SPDX-License-Identifier: Apache-2.0
"""Results of jobs: from the store where somebody has computed them, from a runner where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result
from espdl.tune.store import Store


class Runner(Protocol):
    """Where jobs run: a context manager."""

    def __enter__(self) -> Runner: ...

    def __exit__(self, *exception: object) -> None: ...

    def run(self, work: Sequence[tuple[Job, Inputs]]) -> Iterator[tuple[Job, Result]]: ...


class Computer:
    """`computed`: how many jobs the runner had to do; `done`: called with the number that is there after each."""

    def __init__(self, store: Store, runner: Runner):
        self.store = store
        self.computed = 0
        self.done: Callable[[int], None] = lambda count: None
        self._runner = runner

    def results(self, work: Sequence[tuple[Job, Inputs]]) -> list[Result]:
        """One result for each job, in their order; each is kept as soon as it is there."""
        found = {job.key: self.store.get(job.key) for job, _ in work}
        missing = {job.key: (job, inputs) for job, inputs in work if found[job.key] is None}
        count = len(found) - len(missing)
        self.done(count)
        for job, result in self._runner.run(list(missing.values())) if missing else ():
            if not result.get("passing"):
                self.store.put(job.key, result)
            found[job.key] = result
            self.computed += 1
            count += 1
            self.done(count)
        return [_present(found[job.key]) for job, _ in work]


def _present(result: Result | None) -> Result:
    if result is None:
        raise RuntimeError("a runner has left a job out")
    return result
