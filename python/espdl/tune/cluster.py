# SPDX-License-Identifier: Apache-2.0
"""Jobs on a Dask cluster: inputs are sent once, workers may come and die, results are those of one process."""

from __future__ import annotations

import sys
import time
import warnings
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from espdl.errors import EspdlError
from espdl.tune import extras, measure, worker
from espdl.tune.inputs import Inputs
from espdl.tune.jobs import Job, Result, compiler

if TYPE_CHECKING:
    from distributed import Client, Future

# Seconds until a scheduler must answer, and until it must have a worker.
_ANSWER, _WORKERS = 15, 60
# How often the workers are looked at while nothing is done, in seconds.
_LOOK = 2
# How often a job goes to another worker where one has failed, not counting those that die.
_RETRIES = 2
# How often a job is submitted again because a worker turned out not to be able to do any.
_TRIES = 3
_START = "start one with `PYTHONPATH=<espdl_onnx>/python dask worker {address}`"


@dataclass(frozen=True)
class _Submitted:
    """`tries`: how often the job was submitted before; `failures`: by how many workers that cannot do any."""

    job: Job
    inputs: Inputs
    tries: int = 0
    failures: int = 0


class ClusterRunner:
    """Jobs on the cluster whose scheduler is at `address`, such as tcp://10.0.0.1:8786."""

    def __init__(self, address: str, *, patience: float = _WORKERS):
        self._address, self._patience = address, patience
        self._client: Client | None = None
        self._left: dict[Future, _Submitted] = {}
        self._ended: deque[Future] = deque()
        # By digest of the inputs.
        self._sent: dict[str, Future] = {}
        # By address of a worker that gets no work, why.
        self._bad: dict[str, str] = {}
        # Where what was submitted may go, once there are workers that get none; when this was looked at.
        self._asked: set[str] = set()
        self._looked = 0.0

    def __enter__(self) -> ClusterRunner:
        extras.need("distributed", "distributed", "cloudpickle")
        from distributed import Client

        warnings.filterwarnings("ignore", message="Sending large graph")
        try:
            self._client = Client(self._address, timeout=_ANSWER, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            why = f"it does not answer ({type(error).__name__}: {error})"
            raise self._problem(why, "start it with `dask scheduler`, and name the address that it prints") from error
        self._await_workers()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            if self._left:
                self._client.cancel(list(self._left))
            self._client.close()

    def submit(self, job: Job, inputs: Inputs) -> None:
        self._submit(_Submitted(job, inputs))

    def ended(self) -> tuple[Job, Result]:
        """Raises EspdlError where no worker is left."""
        while True:
            if not self._ended:
                self._ended += self._done()
            future = self._ended.popleft()
            given = self._left.pop(future)
            if given.failures == _TRIES or not self._cannot_work(future):
                return given.job, self._result(future)
            # Somebody has joined who cannot: from now on, only those who can are asked, also to hold the inputs.
            self._look_at_workers()
            self._sent.clear()
            self._submit(replace(given, tries=given.tries + 1, failures=given.failures + 1))

    @staticmethod
    def _cannot_work(future: Future) -> bool:
        error = future.exception() if future.status == "error" else None
        return isinstance(error, (worker.OtherCompiler, ImportError))

    def _submit(self, given: _Submitted) -> None:
        client, job = self._alive(), given.job
        repeated = f"-{given.tries}" if given.tries else ""
        if job.inputs not in self._sent:
            contents = {name: path.read_bytes() for name, path in given.inputs.files.items()}
            sent = (contents, dict(given.inputs.names))
            key = f"espdl-inputs-{job.inputs}{repeated}"
            self._sent[job.inputs] = client.submit(worker.receive, sent, key=key, workers=self._allowed())
        key = f"espdl-{job.key}{repeated}"
        future = client.submit(
            worker.run, job, self._sent[job.inputs], key=key, retries=_RETRIES, workers=self._allowed()
        )
        self._left[future] = given

    def _done(self) -> list[Future]:
        """Futures that have ended, at least one."""
        from distributed import wait

        seen = time.monotonic()
        while True:
            self._follow_workers()
            try:
                with self._alive().as_current():
                    return list(wait(list(self._left), timeout=_LOOK, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                pass
            if self._workers():
                seen = time.monotonic()
            elif time.monotonic() - seen > self._patience:
                raise self._problem("no worker is left that could compute", self._how_to_start())

    def _follow_workers(self) -> None:
        """Jobs that may go to certain workers alone would wait for those that died, and never go to one that joins:
        then they are submitted again, but for those that run.
        """
        if not self._bad or time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        threads = self._alive().nthreads()
        if set(threads) - self._asked - set(self._bad):
            self._judge_workers()
        if not set(self._workers()) - self._asked:
            return
        running: set[object] = set()
        for address, keys in self._alive().processing().items():
            # In the order in which they were submitted, which is that in which a worker takes them.
            running.update([f.key for f in self._left if f.key in keys][: threads.get(address, 0)])
        waiting = {f: given for f, given in self._left.items() if f.key not in running and not f.done()}
        self._alive().cancel(list(waiting))
        self._sent.clear()
        for future, given in waiting.items():
            del self._left[future]
            self._submit(replace(given, tries=given.tries + 1))

    def _result(self, future: Future) -> Result:
        if future.status == "finished":
            return future.result()
        error: Any = future.exception() if future.status == "error" else None
        if error is None:
            raise self._problem("it went away", "start it again, and then this command: what was computed is kept")
        if type(error).__name__ == "KilledWorker":
            why = "every worker that tried died (a crash, or too little memory)"
            return measure.failed("the compiler", why, "report this, with the model if you can") | {"passing": True}
        if isinstance(error, EspdlError):
            raise error
        raise self._problem(f"a worker failed: {type(error).__name__}: {error}", self._how_to_start()) from error

    def _await_workers(self) -> None:
        """Until there is one that can work; those that cannot get no work."""
        deadline = time.monotonic() + self._patience
        while not self._workers():
            if time.monotonic() > deadline:
                raise self._problem(f"it has no workers after {self._patience:g} seconds", self._how_to_start())
            time.sleep(0.2)
        self._look_at_workers()

    def _look_at_workers(self) -> None:
        """Raises EspdlError where none can work."""
        self._judge_workers()
        if not self._workers():
            address, reason = next(iter(self._bad.items()))
            raise self._problem(
                f"none of its {len(self._bad)} workers can compute; {address}: {reason}", self._how_to_start()
            )

    def _judge_workers(self) -> None:
        reasons = self._reasons()
        for address, reason in sorted(reasons.items() - self._bad.items()):
            print(f"espdl: worker {address} gets no work: {reason}", file=sys.stderr)
        self._bad = reasons

    def _reasons(self) -> dict[str, str]:
        """By worker that cannot work, why."""
        import cloudpickle

        from espdl.tune import probe

        cloudpickle.register_pickle_by_value(probe)
        answers = self._alive().run(probe.probe, on_error="return")
        found = {}
        for address, answer in answers.items():
            theirs, reason = answer if isinstance(answer, tuple) else ("", f"{type(answer).__name__}: {answer}")
            if reason or theirs != compiler():
                found[address] = reason or worker.mismatch(theirs, compiler()).why
        return found

    def _workers(self) -> list[str]:
        """Those that live and can work."""
        return [address for address in self._alive().nthreads() if address not in self._bad]

    def _allowed(self) -> list[str] | None:
        """Anybody, also who joins later, unless some are known that cannot work."""
        if not self._bad:
            return None
        self._asked = set(self._workers())
        return sorted(self._asked)

    def _alive(self) -> Client:
        if self._client is None:
            raise RuntimeError("the client is made on entering")
        return self._client

    def _how_to_start(self) -> str:
        return _START.format(address=self._address)

    def _problem(self, why: str, remedy: str) -> EspdlError:
        return EspdlError(f"--scheduler {self._address}", why, remedy)
