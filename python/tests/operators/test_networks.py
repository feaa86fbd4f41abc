# SPDX-License-Identifier: CC0-1.0
"""Whole networks in both schemes: C equals the reference, and ONNX Runtime is not better by more than 2 dB."""

from __future__ import annotations

from pathlib import Path

import guard_pages
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from usual_networks import NETWORKS

from espdl import pipeline
from espdl.verify import compare, host, samples

pytestmark = pytest.mark.slow
# How far below ONNX Runtime's own int8 model ours may be.
MARGIN_DB = 2.0
SAMPLES = 16


class Reader(CalibrationDataReader):
    def __init__(self, data: dict[str, np.ndarray]):
        self.samples = iter([{k: v[i : i + 1] for k, v in data.items()} for i in range(len(next(iter(data.values()))))])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.samples, None)


def data(model: onnx.ModelProto, count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    return {name: random.standard_normal([count, *shape[1:]]).astype(np.float32) for name, shape in shapes.items()}


def answers(path: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    runs = [session.run(names, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(SAMPLES)]
    return {name: np.stack([r[index] for r in runs]).reshape(SAMPLES, -1) for index, name in enumerate(names)}


def sqnr(reference: np.ndarray, got: np.ndarray) -> float:
    reference = reference.astype(np.float64)
    return float(10 * np.log10((reference**2).sum() / ((reference - got) ** 2).sum()))


def onnxruntime_int8(folder: Path, calibration: dict[str, np.ndarray]) -> Path:
    quant_pre_process(str(folder / "net.onnx"), str(folder / "pre.onnx"), skip_symbolic_shape=True)
    quantize_static(
        str(folder / "pre.onnx"),
        str(folder / "int8.onnx"),
        Reader(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    return folder / "int8.onnx"


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, scheme: str, shared_folder: Path) -> None:
    folder = shared_folder / f"{name}_{scheme}"
    folder.mkdir()
    model = NETWORKS[name]()
    onnx.save(model, folder / "net.onnx")
    calibration, inputs = data(model, 32, 5), data(model, SAMPLES, 6)
    np.savez(folder / "calibration.npz", **calibration)
    compilation = pipeline.compile_model(
        pipeline.Options(
            model=str(folder / "net.onnx"),
            name="net",
            output=str(folder),
            calibration=str(folder / "calibration.npz"),
            scheme=scheme,
            taps=True,
        )
    )
    plan = compilation.plan
    assert {call.operator for call in plan.calls} & {"fallback"} == set()
    program = host.build(plan, compilation.files, "net", folder, flags=host.SANITIZERS)
    tensors = samples.to_tensors(plan, inputs)
    results = program.run(tensors, layers=True)
    few = {key: value[:2] for key, value in tensors.items()}
    assert compare.first_difference(plan, few, program.run(few, layers=True)) is None
    guard_pages.check(plan, {key: value[:1] for key, value in tensors.items()}, folder)
    if scheme == "affine":
        expected = answers(folder / "net.onnx", inputs)
        theirs = answers(onnxruntime_int8(folder, calibration), inputs)
        ours = samples.to_float(plan, results.outputs)
        for output, reference in expected.items():
            limit = sqnr(reference, theirs[output]) - MARGIN_DB
            assert sqnr(reference, ours[output].reshape(SAMPLES, -1)) >= limit, output
