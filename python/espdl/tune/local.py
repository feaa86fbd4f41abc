# SPDX-License-Identifier: Apache-2.0
"""Jobs in processes of this machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import Any

from espdl.tune import extras, measure
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result

_CRASHED = measure.failed(
    "the compiler", "its process died (a crash, or too little memory)", "report this, with the model if you can"
) | {"passing": True}


class LocalRunner:
    """Up to `processes` jobs at once; 1 means in this process. Results come as they are done."""

    def __init__(self, processes: int):
        self._processes = processes

    def __enter__(self) -> LocalRunner:
        if self._processes > 1:
            extras.need("tune", "joblib")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._processes > 1:
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=exception[0] is None, kill_workers=exception[0] is not None)

    def run(self, work: Sequence[tuple[Job, Inputs]]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, in the order in which they end."""
        if self._processes == 1:
            for job, inputs in work:
                yield job, measure.run(job, inputs.roots)
            return
        yield from self._parallel(work)

    def _parallel(self, work: Sequence[tuple[Job, Inputs]]) -> Iterator[tuple[Job, Result]]:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        left = dict(enumerate(work))
        try:
            for index, result in self._tasks(left, self._processes):
                job, _ = left.pop(index)
                yield job, result
            return
        except BrokenProcessPool:
            pass
        # Somebody died. One by one, the jobs that were not done: the one that kills its process has no result.
        for job, inputs in list(left.values()):
            try:
                yield from ((job, result) for _, result in self._tasks({0: (job, inputs)}, 2))
            except BrokenProcessPool:
                yield job, dict(_CRASHED)

    @staticmethod
    def _tasks(work: dict[int, tuple[Job, Inputs]], processes: int) -> Iterator[tuple[int, Result]]:
        import joblib

        parallel = joblib.Parallel(n_jobs=processes, backend="loky", return_as="generator_unordered", batch_size=1)
        calls = [joblib.delayed(_in_worker)(index, job, dict(inputs.roots)) for index, (job, inputs) in work.items()]
        return parallel(calls)


def _in_worker(index: int, job: Job, roots: dict[str, str]) -> tuple[int, Any]:
    # The terminal interrupts all processes of a command; the first ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return index, measure.run(job, roots)
