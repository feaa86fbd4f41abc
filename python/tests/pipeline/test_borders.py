# SPDX-License-Identifier: Apache-2.0
"""Types and layouts of inputs and outputs: whatever the application chooses, the answers are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espdl import pipeline
from espdl.verify import compare, host, samples

KINDS = [(io, layout) for io in ("int8", "uint8", "float32") for layout in ("model", "nhwc")]


def answers(
    workspace: Path, folder: Path, io: str, layout: str, optimize: str = "speed"
) -> tuple[pipeline.Compilation, np.ndarray]:
    options = pipeline.Options(
        model=str(workspace / "net.onnx"),
        calibration=str(workspace / "calib.npy"),
        name="net",
        output=str(workspace / io / layout / optimize),
        io=io,
        input_layout=layout,
        optimize=optimize,
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


@pytest.mark.parametrize(("optimize", "more"), [("speed", 0), ("size", 1)])
def test_transpositions_of_the_input(workspace: Path, build_folder: Path, optimize: str, more: int) -> None:
    """None for a channels-last input, and none where a convolution reads channels first; the one for size does not."""
    moves = [
        sum(call.operator == "transpose" for call in compilation.plan.calls)
        for layout in ("model", "nhwc")
        for compilation, _ in [answers(workspace, build_folder, "int8", layout, optimize)]
    ]
    assert moves[0] == moves[1] + more
