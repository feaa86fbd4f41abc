# SPDX-License-Identifier: CC0-1.0
"""Each idiom of single_operators.py in integers, in front of another layer and as the end of the model: close to what
ONNX Runtime gives for the float model. The exact reference stands for the C code, which other tests hold against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from single_operators import CHANNELS, IDIOMS, SIZE
from usual_networks import Net

from espdl import pipeline
from espdl.plan.types import Plan
from espdl.verify import reference, samples

# In dB. 8 bits give 25 and more here; a scale that is off by 10 % gives 20.
LEAST = 23.0
SAMPLE = {(name, "affine") for name in ("Div_number", "Mean_tensors", "batch_norm", "gated_halves", "number_minus")}
SAMPLE |= {("softmax_of_channels", "power_of_two"), ("spatial_attention", "power_of_two")}
CASES = [
    pytest.param(name, scheme, last, marks=[] if (name, scheme) in SAMPLE else pytest.mark.sweep)
    for name in IDIOMS
    for scheme in ("affine", "power_of_two")
    for last in (True, False)
]

pytestmark = pytest.mark.slow


def compiled(name: str, last: bool, folder: Path, **options: str) -> Plan:
    net = Net(name)
    x = net.conv(net.relu(net.conv(net.input("image", 1, 3, SIZE, SIZE), CHANNELS, 3)), CHANNELS, 3)
    y = IDIOMS[name](net, x)
    net.output(y if last else net.conv(y, 4), "y")
    onnx.save(net.model(), folder / "net.onnx")
    images = np.random.default_rng(1).standard_normal((32, 3, SIZE, SIZE)).astype(np.float32)
    np.save(folder / "calib.npy", images)
    return pipeline.compile_model(
        pipeline.Options(
            model=str(folder / "net.onnx"),
            calibration=str(folder / "calib.npy"),
            name="net",
            output=str(folder / "out"),
            **options,
        )
    ).plan


def sqnr(plan: Plan, folder: Path) -> float:
    """Decibels by which the answers to other images are above their difference from ONNX Runtime's."""
    images = np.random.default_rng(2).standard_normal((6, 3, SIZE, SIZE)).astype(np.float32)
    inputs = samples.to_tensors(plan, {"image": images})["image"]
    (port,) = plan.outputs
    tensors = np.stack([reference.run(plan, {"image": one})[port.tensor] for one in inputs])
    got = samples.to_float(plan, {"y": tensors})["y"].reshape(len(images), -1)
    session = ort.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    expected = np.stack([session.run(None, {"image": one[None]})[0].reshape(-1) for one in images]).astype(np.float64)
    return 10 * np.log10((expected**2).sum() / ((expected - got) ** 2).sum())


@pytest.mark.parametrize(("name", "scheme", "last"), CASES)
def test_idiom(name: str, scheme: str, last: bool, tmp_path: Path) -> None:
    plan = compiled(name, last, tmp_path, scheme=scheme)
    assert all(call.backend == "portable" for call in plan.calls)
    assert sqnr(plan, tmp_path) > LEAST


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("dilated_transposed_convolution", "where") else pytest.mark.sweep)
        for name in IDIOMS
    ],
)
def test_in_16_bits(name: str, tmp_path: Path) -> None:
    """Most run in floats there, as one function of TVM's from int16 to int16."""
    assert sqnr(compiled(name, True, tmp_path, precision="int16x8"), tmp_path) > LEAST + 7
