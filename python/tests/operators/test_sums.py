# SPDX-License-Identifier: CC0-1.0
"""Sum and Mean of several tensors (ONNX) run as sums of two in integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from usual_networks import Net

from espdl import pipeline
from espdl.verify import host, samples

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("operator", "count"), [("Sum", 1), ("Sum", 3), ("Mean", 2), ("Mean", 3)])
def test_sums(operator: str, count: int, shared_folder: Path) -> None:
    net = Net("sums")
    x = net.input("image", 1, 3, 8, 8)
    net.output(net.node(operator, *(net.conv(x, 8, 3) for _ in range(count))), "sum")
    folder = shared_folder / f"{operator}{count}"
    folder.mkdir()
    onnx.save(net.model(), folder / "net.onnx")
    data = np.random.default_rng(4).standard_normal((32, 3, 8, 8)).astype(np.float32)
    np.save(folder / "calib.npy", data)
    options = pipeline.Options(
        model=str(folder / "net.onnx"),
        calibration=str(folder / "calib.npy"),
        name="net",
        output=str(folder / "out"),
        taps=True,
    )
    compilation = pipeline.compile_model(options)
    assert all(call.backend == "portable" for call in compilation.plan.calls)
    program = host.build(compilation.plan, compilation.files, "net", folder / "program")
    results = program.run(samples.to_tensors(compilation.plan, {"image": data}))
    got = samples.to_float(compilation.plan, results.outputs)["sum"].reshape(len(data), -1)
    session = ort.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    expected = np.stack([session.run(None, {"image": d[None]})[0].reshape(-1) for d in data])
    assert (expected**2).sum() / ((expected - got) ** 2).sum() > 10**3  # 30 dB
