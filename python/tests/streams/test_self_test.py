# SPDX-License-Identifier: CC0-1.0
"""TEST_VECTORS of streams and states: recordings, which a self test plays from the reset on."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from test_networks import recurrent
from test_states import PAIRS, WIDTH, network
from test_validate import padded

from espdl import pipeline
from espdl.errors import EspdlError
from espdl.options import Options
from espdl.verify import host, vectors

pytestmark = pytest.mark.slow

MAIN = """
#include <stdio.h>
#include "net_test.h"
static net_arena_t s_arena;
int main(void)
{
    net_t net = {0};
    espdl_difference_t first = {99, 99, 99, 0, 0};
    if (net_self_test(&net, &first) != ESPDL_NOT_INITIALIZED) return 1;
    net_init(&net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena});
    for (int again = 0; again < 2; again++) {
        const espdl_status_t status = net_self_test(&net, &first);
        printf("%s %d %d %d %d\\n", espdl_status_name(status), NET_TEST_COUNT, (int)first.test, (int)first.output,
               (int)first.element);
    }
    return 0;
}
"""


def step(folder: Path) -> dict[str, str]:
    onnx.save(network("apart"), folder / "step.onnx")
    np.save(folder / "steps.npy", np.random.default_rng(1).normal(0, 1, (64, WIDTH)).astype(np.float32))
    return {"model": str(folder / "step.onnx"), "calibration": str(folder / "steps.npy")}


# By kind: the model; options; the file's shape; how many vectors it has.
CASES = {
    "window": (padded, {"stream": "x", "hop": 2, "edges": "window"}, (2, 4, 31), 2),
    "stream": (padded, {"stream": "x", "hop": 2, "edges": "stream"}, (4, 40), 1),
    "recurrent": (lambda f: recurrent("GRU", f), {"stream": "x", "hop": 3, "edges": "stream"}, (2, 30, 5), 2),
    "states": (step, {"state": tuple(f"{a}={b}" for a, b in PAIRS["apart"])}, (9, WIDTH), 1),
}


def compiled(folder: Path, kind: str) -> tuple[pipeline.Compilation, Path]:
    make, how, shape, *_ = CASES[kind]
    np.save(folder / "tests.npy", np.random.default_rng(5).normal(0, 1, shape).astype(np.float32))
    options = Options(name="net", output=str(folder / "program"), effort="fast", **make(folder), **how)
    return pipeline.compile_model(options), folder / "tests.npy"


def answers(folder: Path) -> list[str]:
    program = folder / "program"
    (program / "main.c").write_text(MAIN)
    flags = ["-Werror", "-Wpedantic", "-Wconversion", "-Wshadow", *host.SANITIZERS, f"-I{program}"]
    library = str(host.library(folder, flags=host.SANITIZERS))
    sources = [str(program / name) for name in ("main.c", "net.c", "net_test.c", "net_weights.S")]
    include = f"-I{host.COMPONENT / 'include'}"
    host.run_tool(host.find_compiler(), *host.FLAGS, *flags, include, *sources, library, "-lm", "-o", str(folder / "a"))
    return host.run_tool(str(folder / "a")).splitlines()


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.sweep) if k == "recurrent" else k for k in CASES])
def test_a_self_test_plays_recordings(tmp_path: Path, kind: str) -> None:
    """It passes, twice; and tells which of the values differs that all runs of a recording give."""
    made, tests = compiled(tmp_path, kind)
    files = vectors.files_for(made, tests)
    files.write(tmp_path / "program")
    count = CASES[kind][3]
    assert answers(tmp_path) == [f"ESPDL_OK {count} 99 99 99"] * 2
    path = tmp_path / "program" / "net_test.c"
    name = f"s_output_{count - 1}_0"
    text = path.read_text()
    (values,) = re.findall(rf"{name}\[\] = {{([^}}]*)}}", text)
    numbers = [int(value) for value in values.split(",") if value.strip()]
    port = made.plan.tensor(made.plan.outputs[0].tensor)
    size = np.dtype(port.dtype).itemsize
    assert len(numbers) > port.nbytes, "several runs are compared"
    numbers[-size] ^= 1
    path.write_text(text.replace(values, ", ".join(map(str, numbers))))
    assert answers(tmp_path) == [f"ESPDL_DIFFERENT {count} {count - 1} 0 {len(numbers) // size - 1}"] * 2


def test_a_recording_that_fills_no_window_is_refused(tmp_path: Path) -> None:
    made, tests = compiled(tmp_path, "stream")
    np.save(tests, np.zeros((4, 8), np.float32))
    with pytest.raises(EspdlError, match="no window is full") as caught:
        vectors.files_for(made, tests)
    assert str(made.plan.stream.fills * made.plan.stream.hop) in caught.value.remedy


def test_a_window_that_is_late_is_a_failure(tmp_path: Path) -> None:
    """A program that says FILLING for ever compares nothing, which is no success."""
    made, tests = compiled(tmp_path, "window")
    stream = dataclasses.replace(made.plan.stream, fills=made.plan.stream.fills + 9)
    pipeline.generate(dataclasses.replace(made.plan, stream=stream), made.options, made.identity).write(
        tmp_path / "program"
    )
    vectors.files_for(made, tests).write(tmp_path / "program")
    assert answers(tmp_path) == ["ESPDL_FILLING 2 99 99 99"] * 2
