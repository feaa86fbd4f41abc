# SPDX-License-Identifier: CC0-1.0
"""Whole networks for ESP-DL's kernels, imitated on this computer: the same bytes as the reference, layer by layer."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest

from espdl import cli, pipeline
from espdl.report.text import text
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
    assert f"; {sum(call.state_bytes for call in plan.calls):,} of them prepared by init)" in text(compilation.report)
    program = host.build(plan, compilation.files, "net", tmp_path / "host")
    data = np.load(tmp_path / "calib.npy")[:2]
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: data})
    assert first_difference(plan, inputs, program.run(inputs, layers=True)) is None


def test_ops_says_which_kernel_runs_and_why_not_the_faster_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line per node of the network; `esp-dl` is as good as `esp_dl` on a command line."""
    onnx.save(networks.NETWORKS["ic_resnet8"](), tmp_path / "net.onnx")
    model = str(tmp_path / "net.onnx")
    assert cli.main(["ops", "--chip", "esp32p4", "--kernels", "esp-dl", "--effort", "fast", "--model", model]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[2:]}
    nodes = onnx.load(model).graph.node
    convolutions = [node.name for node in nodes if node.op_type == "Conv"]
    assert len(convolutions) == 9
    assert all("espdl_dl_conv2d_s8" in lines[name] for name in convolutions)
    assert "no multiple of 16" in lines[convolutions[0]]  # three colours
    assert f"in one call with '{convolutions[0]}'" in lines[next(n.name for n in nodes if n.op_type == "Relu")]
    (pooling,) = [node.name for node in nodes if node.op_type == "AveragePool"]
    assert "espdl_average_pool2d_s8; esp_dl: it has no kernel for this operator" in lines[pooling]
    additions = [node.name for node in nodes if node.op_type == "Add" and "espdl_add" in lines.get(node.name, "")]
    assert additions and all("espdl_add_shift_s8; esp_dl: it" in lines[name] for name in additions)
