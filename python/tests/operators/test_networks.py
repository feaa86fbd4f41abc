# SPDX-License-Identifier: CC0-1.0
"""Whole networks in both schemes: C equals the reference, and ONNX Runtime is not better by more than 2 dB."""

from __future__ import annotations

from pathlib import Path

import guard_pages
import numpy as np
import onnx
import onnxruntime as ort
import plan_checks
import pytest
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from usual_networks import NETWORKS

from espdl import pipeline
from espdl.plan.types import Plan
from espdl.verify import compare, host, reference, samples

pytestmark = pytest.mark.slow
# How far below ONNX Runtime's own int8 model ours may be.
MARGIN_DB = 2.0
SAMPLES = 16
FEW = 4
# ONNX Runtime quantises no recurrent layers.
LEFT_IN_FLOATS = {"lstm", "gru"}
# The others consist of the same layers as these.
IN_BOTH_SCHEMES = {"mobilenet_v3", "unet", "yolo", "tcn", "transformer"}
CASES = [
    *((name, "affine") for name in NETWORKS),
    *(
        pytest.param(name, "power_of_two", marks=() if name in IN_BOTH_SCHEMES else pytest.mark.sweep)
        for name in NETWORKS
    ),
]


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


@pytest.mark.parametrize(("name", "scheme"), CASES)
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
    plan_checks.check(plan)
    again = carried(compilation.quantized.proto, folder / "again", scheme)
    assert [call.function for call in again.calls] == [call.function for call in plan.calls]
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
        for output, exact in expected.items():
            limit = sqnr(exact, theirs[output]) - MARGIN_DB
            assert sqnr(exact, ours[output].reshape(SAMPLES, -1)) >= limit, output
        check_theirs(name, folder, inputs, expected, theirs)


def carried(proto: onnx.ModelProto, folder: Path, scheme: str) -> Plan:
    """The plan of a model that came quantised."""
    folder.mkdir()
    onnx.save(proto, folder / "net.onnx")
    options = pipeline.Options(str(folder / "net.onnx"), "net", str(folder), scheme=scheme)
    return pipeline.compile_model(options).plan


def check_theirs(
    name: str,
    folder: Path,
    inputs: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    theirs: dict[str, np.ndarray],
) -> None:
    """What ONNX Runtime has quantised, compiled: as near to the float model as in ONNX Runtime, and floats only where
    it left them."""
    plan = carried(onnx.load(folder / "int8.onnx"), folder / "theirs", "affine")
    for call in plan.calls:
        if call.operator == "fallback":
            assert any("in floats" in note for note in call.notes), (call.source_nodes, call.notes)
    if name in LEFT_IN_FLOATS:
        return
    plan_checks.check(plan)
    tensors = samples.to_tensors(plan, inputs)
    runs = [reference.run(plan, {port: v[i] for port, v in tensors.items()}) for i in range(FEW)]
    ours = samples.to_float(plan, {p.name: np.stack([run[p.tensor] for run in runs]) for p in plan.outputs})
    for output, exact in expected.items():
        limit = sqnr(exact[:FEW], theirs[output][:FEW]) - MARGIN_DB
        assert sqnr(exact[:FEW], ours[output].reshape(FEW, -1)) >= limit, output
