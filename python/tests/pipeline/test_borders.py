# SPDX-License-Identifier: Apache-2.0
"""Types and layouts of inputs and outputs: whatever the application chooses, the answers are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espdl import pipeline
from espdl.verify import compare, host, samples

KINDS = [(io, layout) for io in ("int8", "uint8", "float32") for layout in ("model", "nhwc")]


def answers(workspace: Path, folder: Path, io: str, layout: str) -> tuple[pipeline.Compilation, np.ndarray]:
    options = pipeline.Options(
        model=str(workspace / "net.onnx"),
        calibration=str(workspace / "calib.npy"),
        name="net",
        output=str(workspace / io / layout),
        io=io,
        input_layout=layout,
        taps=True,
    )
    compilation = pipeline.compile_model(options)
    program = host.build(compilation.plan, compilation.files, "net", folder, flags=host.SANITIZERS)
    inputs = samples.to_tensors(compilation.plan, {"image": np.load(workspace / "calib.npy")})
    results = program.run(inputs, layers=True)
    assert compare.first_difference(compilation.plan, inputs, results) is None
    return compilation, samples.to_float(compilation.plan, results.outputs)["scores"]


@pytest.fixture
def expected(workspace: Path, build_folder: Path) -> np.ndarray:
    return answers(workspace, build_folder, "int8", "model")[1]


@pytest.mark.parametrize(("io", "layout"), KINDS[1:])
def test_borders_do_not_change_the_answer(
    workspace: Path, build_folder: Path, expected: np.ndarray, io: str, layout: str
) -> None:
    compilation, got = answers(workspace, build_folder, io, layout)
    assert np.array_equal(expected, got) and np.ptp(expected) > 0
    plan = compilation.plan
    assert {plan.tensor(p.tensor).dtype for p in (*plan.inputs, *plan.outputs)} == {io}
    assert plan.inputs[0].layout == ("NHWC" if layout == "nhwc" else "NCHW")
    assert plan.tensor(plan.inputs[0].tensor).shape == ((1, 8, 8, 2) if layout == "nhwc" else (1, 2, 8, 8))


def test_no_transposition_is_left_for_a_channels_last_input(workspace: Path, build_folder: Path) -> None:
    moves = [
        sum(call.operator == "transpose" for call in answers(workspace, build_folder, "int8", layout)[0].plan.calls)
        for layout in ("model", "nhwc")
    ]
    assert moves[0] == moves[1] + 1
