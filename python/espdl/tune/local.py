# SPDX-License-Identifier: Apache-2.0
"""Jobs in processes of this machine."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING

from espdl.tune import extras, measure
from espdl.tune.compute import Runner
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result

if TYPE_CHECKING:
    from joblib.externals.loky import ProcessPoolExecutor

_CRASHED = measure.failed(
    "the compiler", "its process died (a crash, or too little memory)", "report this, with the model if you can"
) | {"passing": True}
# A process for each core is enough: none may have threads besides. What espdl itself uses has one thread anyway.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TVM_NUM_THREADS": "1"}


def runner(processes: int) -> Runner:
    """Up to `processes` jobs at once; 1 means in this process."""
    return OneProcess() if processes == 1 else Processes(processes)


class OneProcess:
    """One job after the other, each when its result, or a later one's, is asked for."""

    def __init__(self) -> None:
        self._left: deque[tuple[Job, Inputs]] = deque()

    def __enter__(self) -> OneProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def submit(self, job: Job, inputs: Inputs) -> None:
        self._left.append((job, inputs))

    def ended(self) -> tuple[Job, Result]:
        job, inputs = self._left.popleft()
        return job, measure.run(job, inputs.roots)


class Processes:
    """`count` jobs at once. A process that dies costs its job and no other."""

    def __init__(self, count: int):
        self._count = count
        self._pool: ProcessPoolExecutor | None = None
        # In the order in which they were submitted.
        self._left: dict[Future, tuple[Job, Inputs]] = {}
        self._ended: deque[tuple[Job, Result]] = deque()

    def __enter__(self) -> Processes:
        extras.need("tune", "joblib")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=exception[0] is None, kill_workers=exception[0] is not None)

    def submit(self, job: Job, inputs: Inputs) -> None:
        if self._pool is None:
            self._pool = _pool(self._count)
        self._left[self._pool.submit(_in_worker, job, dict(inputs.roots))] = job, inputs

    def ended(self) -> tuple[Job, Result]:
        while not self._ended:
            for future in wait(self._left, return_when=FIRST_COMPLETED).done:
                if _has_died(future):
                    self._after_a_crash()
                    break
                self._ended.append((self._left.pop(future)[0], future.result()))
        return self._ended.popleft()

    def _after_a_crash(self) -> None:
        """All futures of the pool are broken. Who killed a process is among those that ran, the first ones: each of
        them runs again alone, where it is seen who does; the others go on.
        """
        left = [(job, inputs) for future, (job, inputs) in self._left.items() if _has_died(future)]
        self._left = {future: work for future, work in self._left.items() if not _has_died(future)}
        self._pool = None
        for job, inputs in left[: self._count]:
            self._ended.append((job, _alone(job, inputs.roots)))
        for job, inputs in left[self._count :]:
            self.submit(job, inputs)


def _pool(processes: int) -> ProcessPoolExecutor:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(max_workers=processes, env=_ENVIRONMENT)


def _alone(job: Job, roots: Mapping[str, str]) -> Result:
    with _pool(1) as pool:
        future = pool.submit(_in_worker, job, dict(roots))
        wait([future])
        return dict(_CRASHED) if _has_died(future) else future.result()


def _has_died(future: Future) -> bool:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    return future.done() and isinstance(future.exception(), BrokenProcessPool)


def _in_worker(job: Job, roots: dict[str, str]) -> Result:
    # The terminal interrupts all processes of a command; the first ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return measure.run(job, roots)
