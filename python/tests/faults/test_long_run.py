# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand inferences of one instance: each gives what the first of its kind gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espdl import pipeline
from espdl.verify import host, samples

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"
INFERENCES = 100_000


@pytest.mark.slow
def test_no_inference_depends_on_those_before(tmp_path: Path) -> None:
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"),
        calibration=str(DIGITS / "calib.npy"),
        name="digits",
        output=str(tmp_path / "out"),
    )
    compilation = pipeline.compile_model(options)
    program = host.build(compilation.plan, compilation.files, "digits", tmp_path / "program")
    inputs = samples.to_tensors(compilation.plan, {"image": np.load(DIGITS / "test.npz")["x"]})["image"]
    order = np.random.default_rng(2).integers(0, len(inputs), INFERENCES)
    once = program.run({"image": inputs}).outputs["scores"]
    many = program.run({"image": inputs[order]}).outputs["scores"]
    assert np.array_equal(many, once[order])
    assert len(np.unique(once.reshape(len(once), -1), axis=0)) > 100
