# SPDX-License-Identifier: CC0-1.0
"""The same search on a Dask cluster: a real scheduler and real workers, as processes on the loopback interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import compiled_once
import pytest
import tune_fakes

from espdl.cli import main
from espdl.tune import cluster, jobs

PYTHON = Path(__file__).resolve().parents[2]
DASK = [sys.executable, "-m", "dask"]


def started(*words: str, importable: bool = True) -> subprocess.Popen:
    environment = {**os.environ, "IDF_TOOLS_PATH": str(compiled_once.Store.root / "home")}
    environment.pop("PYTHONPATH", None)
    if importable:
        environment["PYTHONPATH"] = str(PYTHON)
    nothing = subprocess.DEVNULL
    return subprocess.Popen([*DASK, *words], env=environment, cwd="/", stdout=nothing, stderr=nothing)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    process = started(
        "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)
    )
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    process.kill()
    process.wait()


@pytest.fixture
def workers(scheduler: str) -> Iterator[list[subprocess.Popen]]:
    """To be filled with workers of the scheduler, which end with the test."""
    made: list[subprocess.Popen] = []
    yield made
    for process in made:
        process.kill()
        process.wait()


def worker(scheduler: str, folder: Path, importable: bool = True) -> subprocess.Popen:
    words = ("worker", scheduler, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    return started(*words, importable=importable)


def awaited(scheduler: str, count: int) -> None:
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def killed_after_a_result(process: subprocess.Popen, cache: Path) -> threading.Thread:
    """Kills the worker when the first result lies in the cache; to be joined."""

    def kill() -> None:
        while not list(cache.glob("*/*.json")) and process.poll() is None:
            time.sleep(0.02)
        process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    return killer


def arguments(folder: Path, cache: Path, *more: str) -> list[str]:
    given = ["tune", str(folder / "net.onnx"), "--calibration", str(folder / "calib.npy"), "--candidates", "5"]
    given += ["--eval", str(folder / "eval.npz"), "--cache", str(cache), "--precision", "int8", "--effort", "fast"]
    return [*given, "-o", str(cache / "out"), *more]


def test_a_worker_dies_and_the_result_is_that_of_one_process(
    scheduler: str, workers: list[subprocess.Popen], tmp_path: Path
) -> None:
    folder = tune_fakes.write(tmp_path)
    assert main(arguments(folder, tmp_path / "here", "--jobs", "1")) == 0
    workers += [worker(scheduler, tmp_path), worker(scheduler, tmp_path)]
    there = tmp_path / "there"
    killer = killed_after_a_result(workers[0], there)
    assert main(arguments(folder, there, "--scheduler", scheduler)) == 0
    killer.join()
    assert workers[1].poll() is None
    texts = [(path / "out" / "tune.json").read_bytes() for path in (tmp_path / "here", there)]
    assert texts[0] == texts[1]


def test_workers_that_cannot_compute(
    scheduler: str,
    workers: list[subprocess.Popen],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One without the package gets no work; one with another version too, and who is left alone says so."""
    folder = tune_fakes.write(tmp_path)
    workers.append(worker(scheduler, tmp_path, importable=False))
    assert main(arguments(folder, tmp_path / "none", "--scheduler", scheduler)) == 1
    error = capsys.readouterr().err
    assert "none of its 1 workers can compute" in error and "espdl" in error and "dask worker" in error
    workers.append(worker(scheduler, tmp_path))
    ours = jobs.compiler()
    for name in (cluster, jobs):
        monkeypatch.setattr(name, "compiler", lambda: ours.replace("espdl 0", "espdl 99"))
    deadline = time.monotonic() + 60
    while "another compiler" not in error and time.monotonic() < deadline:
        assert main(arguments(folder, tmp_path / "none", "--scheduler", scheduler)) == 1
        error = capsys.readouterr().err
    assert "another compiler" in error and "99" in error and "Remedy" in error


def test_jobs_that_may_not_go_anywhere_go_to_who_joins(
    scheduler: str, workers: list[subprocess.Popen], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside a worker that cannot compute, the only one that can dies; the next does what is left."""
    folder = tune_fakes.write(tmp_path)
    workers += [worker(scheduler, tmp_path, importable=False), worker(scheduler, tmp_path)]
    awaited(scheduler, 2)
    there = tmp_path / "there"
    killer = killed_after_a_result(workers[1], there)

    def replace() -> None:
        killer.join()
        workers.append(worker(scheduler, tmp_path))

    joiner = threading.Thread(target=replace)
    joiner.start()
    assert main(arguments(folder, there, "--scheduler", scheduler)) == 0
    joiner.join()
    assert workers[2].poll() is None
    captured = capsys.readouterr()
    assert "gets no work" in captured.err and "5 measured" in captured.out


def test_a_scheduler_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tune_fakes.write(tmp_path)
    monkeypatch.setattr(cluster, "_ANSWER", 1)
    assert main(arguments(folder, tmp_path / "cache", "--scheduler", "tcp://127.0.0.1:9")) == 1
    error = capsys.readouterr().err
    assert "tcp://127.0.0.1:9" in error and "does not answer" in error and "dask scheduler" in error
    assert main(arguments(folder, tmp_path / "cache", "--scheduler", "nonsense://x")) == 1
    assert "nonsense" in capsys.readouterr().err
