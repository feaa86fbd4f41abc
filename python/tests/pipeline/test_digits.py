# SPDX-License-Identifier: Apache-2.0
"""The digits network through the whole chain: accuracy, exactness, determinism, and ONNX Runtime as the sanity line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pipeline_models import DIGITS

from espdl import pipeline
from espdl.quantize.ranges import session
from espdl.verify import compare, host, layerwise, samples


@pytest.fixture(scope="module")
def compilation(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Compilation:
    return pipeline.compile_model(
        pipeline.Options(
            model=str(DIGITS / "digits.onnx"),
            calibration=str(DIGITS / "calib.npy"),
            name="digits",
            output=str(tmp_path_factory.mktemp("digits") / "out"),
            taps=True,
        )
    )


@pytest.fixture(scope="module")
def held_out() -> dict[str, np.ndarray]:
    return dict(np.load(DIGITS / "test.npz"))


def test_c_equals_the_reference_and_keeps_the_accuracy(
    compilation: pipeline.Compilation, held_out: dict[str, np.ndarray], build_folder: Path
) -> None:
    program = host.build(compilation.plan, compilation.files, "digits", build_folder, flags=host.SANITIZERS)
    inputs = samples.to_tensors(compilation.plan, {"image": held_out["x"]})
    results = program.run(inputs, layers=True)
    assert compare.first_difference(compilation.plan, inputs, results) is None

    runner = session(compilation.quantized.float_proto)
    answers = np.concatenate([runner.run(None, {"image": x[None]})[0] for x in held_out["x"]]).argmax(axis=1)
    scores = results.outputs["scores"].reshape(len(answers), -1)
    float_accuracy = np.mean(answers == held_out["label"])
    int8_accuracy = np.mean(scores.argmax(axis=1) == held_out["label"])
    assert float_accuracy > 0.98
    assert int8_accuracy >= float_accuracy - 0.005


def test_every_layer_is_within_one_step_of_onnxruntime(
    compilation: pipeline.Compilation, held_out: dict[str, np.ndarray]
) -> None:
    steps = layerwise.compare(compilation.quantized, compilation.plan, {"image": held_out["x"][:40]})
    assert len(steps) == len(compilation.plan.calls)
    for layer in steps:
        assert layer.largest <= 1, f"{layer.name}: differs by {layer.largest} from ONNX Runtime"
    # A comparison that compared nothing, or the wrong thing, would not see an exact layer beside a rounded one.
    assert any(layer.largest == 0 for layer in steps)
    assert all(layer.spread > 3 for layer in steps)
