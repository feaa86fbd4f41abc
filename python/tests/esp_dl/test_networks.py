# SPDX-License-Identifier: CC0-1.0
"""Whole networks for ESP-DL's kernels, imitated on this computer: the same bytes as the reference, layer by layer."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest

from espdl import pipeline
from espdl.verify import host, samples
from espdl.verify.compare import first_difference


def compile_network(name: str, folder: Path, chip: str) -> pipeline.Compilation:
    """The network of the benchmarks with random weights, calibrated on noise."""
    model = networks.NETWORKS[name]()
    onnx.save(model, folder / "net.onnx")
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    np.save(folder / "calib.npy", np.random.default_rng(0).standard_normal((4, *shape)).astype(np.float32))
    options = pipeline.Options(
        model=str(folder / "net.onnx"),
        name="net",
        output=str(folder / "generated"),
        calibration=str(folder / "calib.npy"),
        chip=chip,
        kernels="esp_dl",
        effort="fast",
        profile=True,
    )
    return pipeline.compile_model(options)


@pytest.mark.parametrize(("name", "chip"), [("kws_dscnn", "esp32p4"), ("ad_autoencoder", "esp32s3")])
def test_network(name: str, chip: str, tmp_path: Path) -> None:
    compilation = compile_network(name, tmp_path, chip)
    plan = compilation.plan
    taken = sum(call.macs for call in plan.calls if call.backend == "esp_dl")
    assert taken > 0.6 * plan.macs  # some sums over 640 values might leave lanes of 20 bits
    program = host.build(plan, compilation.files, "net", tmp_path / "host")
    data = np.load(tmp_path / "calib.npy")[:2]
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: data})
    assert first_difference(plan, inputs, program.run(inputs, layers=True)) is None
