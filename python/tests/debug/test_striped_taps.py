# SPDX-License-Identifier: CC0-1.0
"""Taps of a build in stripes: the parts of every layer are compared, wherever the picture is."""

from __future__ import annotations

import random
from pathlib import Path

import firmware
import numpy as np
import onnx
import pytest
import small_models
from small_models import constant, node

from espdl import backends, pipeline
from espdl.emit import weights
from espdl.verify import debug, reference, samples, taps

RUNS = 2


def network() -> onnx.ModelProto:
    """Convolutions whose results are larger than what stripes keep of them, and a mean, which ends the region."""
    random_values = np.random.default_rng(5)

    def values(*shape: int) -> np.ndarray:
        return random_values.uniform(-1, 1, shape).astype(np.float32)

    nodes = [
        node("Conv", ["image", "u"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "v"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Conv", ["c", "w"], ["d"], pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["d"], ["scores"]),
    ]
    constants = [
        constant("u", values(8, 3, 3, 3)),
        constant("v", values(8, 8, 3, 3)),
        constant("w", values(4, 8, 3, 3)),
    ]
    return small_models.model(nodes, [("image", [1, 3, 20, 12])], [("scores", [1, 4, 1, 1])], constants)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(6).uniform(-1, 1, (RUNS, 3, 20, 12)).astype(np.float32)


@pytest.fixture(scope="module", params=["arena", "caller", "rows"])
def compilation(request: pytest.FixtureRequest, root: Path, images: np.ndarray) -> pipeline.Compilation:
    folder = root / f"taps-{request.param}"
    folder.mkdir()
    onnx.save(network(), folder / "net.onnx")
    np.save(folder / "calib.npy", images)
    options = pipeline.Options(
        model=str(folder / "net.onnx"),
        calibration=str(folder / "calib.npy"),
        name="net",
        output=str(folder / "out"),
        effort="fast",
        input_layout="nhwc",
        input_memory=request.param,
        memory="smallest",
        taps=True,
    )
    made = pipeline.compile_model(options)
    (region,) = made.plan.regions
    assert region.stop == len(made.plan.calls) - 1 and max(region.caps[:-1]) < 10
    return made


def stored(compilation: pipeline.Compilation, images: np.ndarray) -> dict[str, np.ndarray]:
    return samples.to_tensors(compilation.plan, {"image": images})


def runs_of(compilation: pipeline.Compilation, images: np.ndarray) -> list[dict[str, np.ndarray]]:
    inputs = stored(compilation, images)
    return [{name: array[index] for name, array in inputs.items()} for index in range(RUNS)]


def program(machine: str, compilation: pipeline.Compilation, images: np.ndarray, is_full: bool) -> Path:
    dump = range(len(compilation.plan.calls)) if is_full else ()
    folder = Path(compilation.options.output).parent / f"{machine}{int(is_full)}"
    inputs = stored(compilation, images)
    return firmware.build(machine, folder, compilation.files, compilation.plan, inputs, dump, is_full, "net")


@pytest.mark.parametrize("is_full", [False, True], ids=["hashes", "full"])
def test_a_sound_chip(machine: str, compilation: pipeline.Compilation, images: np.ndarray, is_full: bool) -> None:
    plan = compilation.plan
    log = taps.read(firmware.run(machine, program(machine, compilation, images, is_full)))
    assert (len(log.runs), log.damaged, log.missing) == (RUNS, 0, 0)
    build = debug.Build.load(Path(compilation.options.output))
    for run, inputs in zip(log.runs, runs_of(compilation, images)):
        verdict = debug.examine(build, run, () if is_full else runs_of(compilation, images))
        assert verdict.passed and not verdict.unknown, verdict.problems
        assert run.ended and verdict.compared == len(plan.calls)
        values = reference.run(plan, inputs)
        for call, kernel in enumerate(plan.calls):
            piece = run.layers[call, 0]
            assert len(piece.parts) > 1 or call == len(plan.calls) - 1
            assert piece.complete() == (values[kernel.outputs[0]].tobytes() if is_full else None)
    if not is_full:
        verdict = debug.examine(build, log.runs[0])
        assert "the inputs were not printed in full" in verdict.problems[0]


@pytest.mark.parametrize("is_full", [False, True], ids=["hashes", "full"])
def test_a_flipped_weight(compilation: pipeline.Compilation, images: np.ndarray, is_full: bool) -> None:
    packed = weights.pack(compilation.plan, backends.packings())
    call = [index for index, kernel in enumerate(compilation.plan.calls) if kernel.constants][1]
    path = program("host", compilation, images, is_full)
    firmware.flip(path, packed, call, 3)
    run = taps.read(firmware.run("host", path)).runs[0]
    found = debug.examine(debug.Build.load(Path(compilation.options.output)), run, runs_of(compilation, images))
    assert found.difference is not None and found.difference.call == call
    assert (found.difference.count > 0) == is_full
    assert found.problems and "weights" in found.problems[0]


@pytest.mark.parametrize("seed", range(12))
def test_damage_is_never_taken_for_a_difference(
    compilation: pipeline.Compilation, images: np.ndarray, seed: int
) -> None:
    build = debug.Build.load(Path(compilation.options.output))
    randomness = random.Random(seed)
    text = firmware.run("host", program("host", compilation, images, True)).splitlines(keepends=True)
    for _ in range(randomness.choice([1, 5, 40])):
        place = randomness.randrange(len(text))
        if randomness.randrange(2):
            del text[place : place + randomness.randrange(1, 4)]
        else:
            text[place] = text[place][: randomness.randrange(len(text[place]) + 1)]
    parsed = taps.read("".join(text))
    assert len(parsed.runs) == RUNS
    for run in parsed.runs:
        verdict = debug.examine(build, run, runs_of(compilation, images))
        assert verdict.difference is None


def test_the_head_of_a_run_may_be_lost(compilation: pipeline.Compilation, images: np.ndarray) -> None:
    """And the end of the one before it: the parts of its first layer begin anew."""
    text = firmware.run("host", program("host", compilation, images, False)).splitlines(keepends=True)
    kept = [line for line in text if not any(f" {word} " in line for word in ("run", "weights", "input", "end"))]
    log = taps.read("".join(kept))
    assert len(log.runs) == RUNS and log.runs[0].layers.keys() == log.runs[1].layers.keys()
