# SPDX-License-Identifier: CC0-1.0
"""Taps of models that keep something from run to run: states are inputs; streams are told what to do instead."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import firmware
import numpy as np
import pytest

from espdl import backends, pipeline
from espdl.commands import debug as command
from espdl.emit import weights
from espdl.errors import EspdlError
from espdl.verify import debug, samples, taps

sys.path.append(str(Path(__file__).parents[1] / "streams"))

import test_states as states  # noqa: E402 (the path above comes first)
from onnx_networks import Signal  # noqa: E402

RUNS = 4


@pytest.fixture(scope="module")
def compilation(root: Path) -> pipeline.Compilation:
    folder = root / "states"
    folder.mkdir()
    return states.compiled(folder, "own", taps=True)


@pytest.fixture(scope="module")
def sequence(root: Path) -> Path:
    path = root / "sequence.npy"
    np.save(path, np.random.default_rng(7).normal(0, 1, (RUNS, states.WIDTH)).astype(np.float32))
    return path


def program(made: pipeline.Compilation, sequence: Path, is_full: bool) -> Path:
    plan = made.plan
    given = samples.to_tensors(plan, {"x": np.load(sequence)})
    unused = {p.name: np.zeros((RUNS, *plan.tensor(p.tensor).shape), np.int8) for p in plan.inputs}
    folder = Path(made.options.output).parent / f"firmware{int(is_full)}"
    return firmware.build("host", folder, made.files, plan, {**unused, **given}, (), is_full, "net")


@pytest.mark.parametrize("is_full", [False, True], ids=["hashes", "full"])
def test_steps_of_a_sound_chip(compilation: pipeline.Compilation, sequence: Path, is_full: bool) -> None:
    """Every step is compared, from its states on; with hashes alone these follow from the file's steps before."""
    build = debug.Build.load(Path(compilation.options.output))
    log = taps.read(firmware.run("host", program(compilation, sequence, is_full)))
    assert len(log.runs) == RUNS
    known = () if is_full else list(debug.read_samples(build.plan, sequence))
    for run in log.runs:
        verdict = debug.examine(build, run, known)
        assert verdict.passed and verdict.compared == len(build.plan.calls), verdict.problems
    if not is_full:
        (problem,) = debug.examine(build, log.runs[2], known[:2]).problems
        assert "was reset later" in problem


def test_steps_with_a_flipped_weight(compilation: pipeline.Compilation, sequence: Path) -> None:
    """With the states in the log each step is compared on its own, whatever the ones before have made of them."""
    packed = weights.pack(compilation.plan, backends.packings())
    call = next(index for index, kernel in enumerate(compilation.plan.calls) if kernel.constants)
    path = program(compilation, sequence, True)
    firmware.flip(path, packed, call, 3)
    build = debug.Build.load(Path(compilation.options.output))
    for run in taps.read(firmware.run("host", path)).runs:
        found = debug.examine(build, run)
        assert found.difference is not None and found.difference.call == call


def test_a_stream_is_told_what_to_do_instead(tmp_path: Path) -> None:
    signal = Signal(4)
    signal.conv(8)
    signal.head(3)
    how = {"stream": "x", "hop": 1, "taps": True, **signal.write(tmp_path, (1, 4, 16))}
    pipeline.compile_model(pipeline.Options(name="net", output=str(tmp_path / "out"), effort="fast", **how))
    with pytest.raises(EspdlError, match="no log holds") as caught:
        command.run(argparse.Namespace(build=tmp_path / "out", log="-", input=None))
    assert "self test" in caught.value.remedy and "without" in caught.value.remedy
