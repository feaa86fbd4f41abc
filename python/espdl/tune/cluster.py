# SPDX-License-Identifier: Apache-2.0
"""Jobs on a Dask cluster: inputs are sent once, workers may come and die, results are those of one process."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
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


class ClusterRunner:
    """Jobs on the cluster whose scheduler is at `address`, such as tcp://10.0.0.1:8786."""

    def __init__(self, address: str, *, patience: float = _WORKERS):
        self._address, self._patience = address, patience
        self._client: Client | None = None
        self._sent: dict[str, Future] = {}
        # By address of a worker that gets no work, why.
        self._bad: dict[str, str] = {}

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
            self._client.close()

    def run(self, work: Sequence[tuple[Job, Inputs]]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, in the order in which they end. Raises EspdlError where no worker is left."""
        futures = {self._submitted(job, inputs): (job, inputs, 0) for job, inputs in work}
        try:
            while futures:
                for future in self._done(list(futures)):
                    job, inputs, tries = futures.pop(future)
                    if tries < _TRIES and self._cannot_work(future):
                        # Somebody has joined who cannot: from now on, only those who can are asked.
                        self._look_at_workers()
                        futures[self._submitted(job, inputs, tries + 1)] = (job, inputs, tries + 1)
                    else:
                        yield job, self._result(future)
        finally:
            if futures:
                self._alive().cancel(list(futures))

    @staticmethod
    def _cannot_work(future: Future) -> bool:
        error = future.exception() if future.status == "error" else None
        return isinstance(error, (worker.OtherCompiler, ImportError))

    def _submitted(self, job: Job, inputs: Inputs, tries: int = 0) -> Future:
        client = self._alive()
        if job.inputs not in self._sent:
            contents = {name: path.read_bytes() for name, path in inputs.files.items()}
            key = f"espdl-inputs-{job.inputs}"
            self._sent[job.inputs] = client.submit(
                worker.receive, (contents, dict(inputs.names)), key=key, workers=self._allowed()
            )
        key = f"espdl-{job.key}" + (f"-{tries}" if tries else "")
        return client.submit(
            worker.run, job, self._sent[job.inputs], key=key, retries=_RETRIES, workers=self._allowed()
        )

    def _done(self, futures: list[Future]) -> list[Future]:
        """Those that have ended, at least one."""
        from distributed import wait

        seen = time.monotonic()
        while True:
            try:
                with self._alive().as_current():
                    return list(wait(futures, timeout=_LOOK, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                pass
            if self._workers():
                seen = time.monotonic()
            elif time.monotonic() - seen > self._patience:
                raise self._problem("no worker is left that could compute", self._how_to_start())

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
        reasons = self._reasons()
        for address, reason in sorted(reasons.items() - self._bad.items()):
            print(f"espdl: worker {address} gets no work: {reason}", file=sys.stderr)
        self._bad = reasons
        if not self._workers():
            address, reason = next(iter(reasons.items()))
            raise self._problem(
                f"none of its {len(reasons)} workers can compute; {address}: {reason}", self._how_to_start()
            )

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
        return self._workers() if self._bad else None

    def _alive(self) -> Client:
        if self._client is None:
            raise RuntimeError("the client is made on entering")
        return self._client

    def _how_to_start(self) -> str:
        return _START.format(address=self._address)

    def _problem(self, why: str, remedy: str) -> EspdlError:
        return EspdlError(f"--scheduler {self._address}", why, remedy)
