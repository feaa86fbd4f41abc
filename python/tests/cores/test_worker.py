# SPDX-License-Identifier: CC0-1.0
"""The worker: random delays wherever the cores wait for each other, two runs that want it, runs that are cancelled, and
what a thousand of them leave behind."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from row_networks import Builder
from shared_plans import THREADS, share

from espdl import backends, emit
from espdl.plan.types import Plan
from espdl.targets import select
from espdl.verify import host, reference

HERE = Path(__file__).resolve().parent
# 10,000 in the sweep (make test-all).
RUNS = 10_000 if int(os.environ.get("ESPDL_TEST_EXAMPLES", "0")) >= 1000 else 1_000
DELAYS = ("-include", str(HERE / "delays.h"))


def network() -> Plan:
    """A layer cut by channels, one by rows, one in place, one that one core computes, and some that are small."""
    b = Builder(5, select("generic", "auto", "affine"))
    image = b.tensor(9, 6, 8)
    x = b.put(b.conv(image, 16, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)))
    y = b.put(b.conv(x, 16, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), groups=16))
    z = b.put(b.conv(y, 16, (1, 1), (1, 1), (1, 1), (0, 0, 0, 0)))
    return share(b.plan([image], [b.add(x, z)], "arena"), 0.1, 0)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory):
    plan = network()
    assert sum(turn.second is not None for turn in plan.turns) >= 3
    sample = np.random.default_rng(3).integers(-128, 128, plan.tensor("t0").shape).astype(np.int8)
    expected = reference.run(plan, {"t0": sample})[plan.outputs[0].tensor]
    root = tmp_path_factory.mktemp("worker")

    def build(name: str, flags: tuple[str, ...] = (), own: tuple[str, ...] = ()) -> Path:
        """`flags` are for all, `own` for what runs two cores, and their caller."""
        folder = root / name
        files = emit.render(plan, "net", packings=backends.packings(), options=emit.CodeOptions(layers=True))
        files.write(folder)
        for values, to in ((sample, "input"), (expected, "output")):
            text = ", ".join(map(str, values.reshape(-1)))
            (folder / f"{to}.h").write_text(f"static const int8_t s_{to}[] = {{{text}}};\n")
        archive = host.library(root, flags=flags)
        runtime = [host.COMPONENT / "src" / name for name in ("cores.c", "cores_port.c", "profile.c")]
        sources = map(str, [HERE / "worker.c", *runtime, folder / "net.c", folder / "net_weights.S", archive])
        includes = [f"-I{host.COMPONENT / 'include'}", f"-I{folder}"]
        command = [host.find_compiler(), *host.FLAGS, *flags, *own, "-Werror", *includes, *sources]
        host.run_tool(*command, "-pthread", "-o", str(folder / "run"))
        return folder / "run"

    return build


def run(path: Path, *arguments: object) -> str:
    done = subprocess.run([str(path), *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout + done.stderr)
    return done.stdout


def test_delays_change_no_byte(program) -> None:
    """Runs, runs of two threads at once, and cancelled runs, with delays at every place where the cores wait."""
    path = program("delays", own=DELAYS)
    run(path, "runs", RUNS)
    run(path, "together", RUNS // 4)
    run(path, "cancel", RUNS // 10)


def test_no_race(program) -> None:
    path = program("threads", THREADS, DELAYS)
    run(path, "runs", RUNS // 10)
    run(path, "together", RUNS // 20)
    run(path, "cancel", RUNS // 20)


def test_a_thousand_workers_leave_nothing_behind(program) -> None:
    """No memory, no thread; the address sanitizer looks for leaks at the end."""
    run(program("memory", host.SANITIZERS), "cycles", 1000)


def test_without_a_second_core(program) -> None:
    path = program("alone", own=("-DESPDL_CORES_NONE",))
    run(path, "runs", 3)
    run(path, "cycles", 3)


def test_freertos(program) -> None:
    """What firmware runs, on tasks and semaphores that are POSIX threads below and hold rules of FreeRTOS."""
    own = (f"-I{HERE / 'freertos_on_posix'}", "-DESPDL_CORES_FREERTOS")
    path = program("freertos", host.SANITIZERS, own)
    run(path, "runs", RUNS // 10)
    run(path, "together", RUNS // 20)
    run(path, "cycles", 100)


def test_profile_says_what_each_core_did(program) -> None:
    printed = run(program("profile", own=("-DCONFIG_ESPDL_PROFILE=1",)), "profile", 5)
    for who in ("core of the run", "other core"):
        assert re.search(rf"^espdl: {who}: [1-9][0-9]* ns a run busy, [0-9]+ waiting$", printed, re.M), printed
