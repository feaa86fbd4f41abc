# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a build: it is killed, the disk is full, the folder cannot be written."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dying_build
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
DIGITS = REPOSITORY / "examples" / "digits" / "model"
LAUNCHER = REPOSITORY / "python" / "espdl_cli.py"
POINTS = 50 if os.environ.get("ESPDL_TEST_EXAMPLES") else 6

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and resource limits are POSIX")


def command(output: Path) -> list[str]:
    files = [str(DIGITS / "digits.onnx"), "--calibration", str(DIGITS / "calib.npy")]
    return [sys.executable, "-I", str(LAUNCHER), "compile", *files, "-o", str(output)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """What an undisturbed build writes, and the seconds that it takes."""
    folder = tmp_path_factory.mktemp("clean") / "out"
    start = time.monotonic()
    subprocess.run(command(folder), check=True, capture_output=True)
    return contents(folder), time.monotonic() - start


@pytest.mark.slow
def test_a_build_after_a_killed_one_gives_what_a_clean_one_gives(tmp_path: Path, clean) -> None:
    expected, seconds = clean
    rng = random.Random(1)
    output = tmp_path / "out"
    killed = 0
    for _ in range(4 * POINTS):
        if killed == POINTS:
            break
        start = time.monotonic()
        build = subprocess.Popen(
            command(output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            build.wait(seconds * rng.uniform(0.05, 1.0))
        if build.poll() is None:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
            killed += 1
        else:  # other work on the machine slowed the first one down
            seconds = min(seconds, time.monotonic() - start)
        # Whatever stands in its place is whole; only the staging folder, which the next build removes, may not be.
        for name, content in contents(output).items() if output.exists() else ():
            assert name.startswith(".tmp") or content == expected[name], f"{name} is half written"
    assert killed == POINTS
    subprocess.run(command(output), check=True, capture_output=True)
    assert contents(output) == expected


# Stages behind which a build is killed, and how many files are in place then. ESPDL_TEST_EXAMPLES: all of them.
STAGES = {"load": 0, "quantize": 0, "plan": 0, "write 6": 0, "write 103": 3}
if os.environ.get("ESPDL_TEST_EXAMPLES"):
    more = {"partition": 0, "emit": 0, "write 1": 0, "write 101": 1, "write 106": 6}
    STAGES = dict(sorted((STAGES | more).items(), key=lambda stage: stage[1]))


def test_a_build_killed_at_any_stage_leaves_whole_files_and_the_next_succeeds(tmp_path: Path, clean) -> None:
    output = tmp_path / "out"
    files = [str(DIGITS / "digits.onnx"), str(DIGITS / "calib.npy"), str(output)]
    # Processes that have loaded the compiler already.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["dying_build"])
    placed = []
    for stage in STAGES:
        build = processes.Process(target=dying_build.compile_until, args=(stage, *files))
        build.start()
        build.join(timeout=120)
        assert build.exitcode == -signal.SIGKILL, stage
        found = {name: content for name, content in contents(output).items() if not name.startswith(".tmp")}
        assert all(clean[0][name] == content for name, content in found.items()), stage
        placed.append(len(found))
        # The files of the last stay, and so does what a build leaves that dies while it writes.
        if stage != list(STAGES)[-1]:
            shutil.rmtree(output, ignore_errors=True)
    assert placed == list(STAGES.values()) and len(clean[0]) == 6
    subprocess.run(command(output), check=True, capture_output=True)
    assert contents(output) == clean[0]


def refused(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("espdl: ") and done.stderr.count("Remedy: ") == 1 and "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_full_disk_is_a_message_and_nothing_is_half_written(tmp_path: Path, clean) -> None:
    """A limit on the size of files stands for it: the write fails in the middle as it does on a full disk."""
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    output = tmp_path / "out"
    done = subprocess.run(command(output), capture_output=True, text=True, preexec_fn=limit, check=False)
    refused(done, "free space")
    assert not contents(output)
    subprocess.run(command(output), check=True, capture_output=True)
    assert contents(output) == clean[0]


def test_a_folder_that_cannot_be_written_is_a_message(tmp_path: Path) -> None:
    """/proc refuses even the superuser, who passes every permission."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    refused(subprocess.run(command(Path("/proc/espdl")), capture_output=True, text=True, check=False), "/proc")


def test_a_second_build_into_the_same_folder_does_no_harm(tmp_path: Path, clean) -> None:
    output = tmp_path / "out"
    both = [subprocess.Popen(command(output), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    for build in both:
        _, text = build.communicate()
        assert build.returncode == 0, text.decode()
    assert contents(output) == clean[0]
