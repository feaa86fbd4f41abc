# SPDX-License-Identifier: CC0-1.0
"""Models that come with Q/DQ: every usual way to write one gives the same network, and the rest is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from quantize_models import Writer, classifier, compiled, data, real, run_float, run_plan

from espdl.errors import EspdlError
from espdl.verify.metrics import sqnr_db


def network(
    dtype: type = np.int8, weights: str = "integers", bias: str = "float", relu: str = "fused"
) -> onnx.ModelProto:
    w = Writer(dtype)
    x = w.pair("x", 1 / 16)
    constants = [w.weights((4, 3, 3, 3), weights)]
    values = np.float32([0.25, -0.5, 0.0, 1.0])
    if bias == "float":
        constants.append(w.constant(values))
    else:
        scale, zero = w.constant(np.full(4, 2.0**-10, np.float32)), w.constant(np.zeros(4, np.int32))
        constants.append(w.node("DequantizeLinear", w.constant((values * 1024).astype(np.int32)), scale, zero, axis=0))
    y = w.node("Conv", x, *constants, pads=[1] * 4)
    y = w.pair(y, 1 / 4, -20) if relu == "pair before" else y
    y = w.pair(w.node("Relu", y), 1 / 4, -20)
    return w.model(w.pair(w.node("Conv", y, w.weights((2, 4, 1, 1), weights)), 1 / 2))


STYLES = [
    {"dtype": np.uint8},
    {"weights": "floats"},
    {"bias": "int32"},
    {"relu": "pair before"},
    {"dtype": np.uint8, "weights": "floats", "relu": "pair before"},
]


@pytest.mark.parametrize("zero_point", [-128, -20])
def test_what_saturates_on_the_way_to_a_concatenation_still_does(zero_point: int, tmp_path: Path) -> None:
    """Exporters leave a ReLU or ReLU6 to the range of the pair behind a convolution, here 0 to 6 or -2.5 to 3.5."""
    w = Writer()
    x = w.pair("x", 1 / 16)
    parts = [w.pair(w.node("Conv", x, w.weights((4, 3, 1, 1), "integers")), 6 / 255, zero_point) for _ in range(2)]
    proto = w.model(w.pair(w.node("Concat", *parts, x, axis=1), 1 / 4))
    inputs = data(8, seed=3)
    exact = run_float(proto, inputs)
    result = real(found := compiled(proto, None, tmp_path), run_plan(found, inputs)).reshape(exact.shape)
    assert np.ptp(exact[:, :, :8]) <= 6.5
    assert np.abs(result - exact).max() <= 0.25


@pytest.mark.parametrize("style", STYLES, ids=lambda s: ", ".join(map(str, s)))
def test_all_styles_are_one_network(style: dict, tmp_path: Path) -> None:
    plain = compiled(network(), None, tmp_path / "a")
    other = compiled(network(**style), None, tmp_path / "b")
    inputs = data(6) * 3
    result = run_plan(plain, inputs)
    assert np.ptp(result.astype(int)) > 40
    np.testing.assert_array_equal(run_plan(other, inputs), result)
    assert [c.function for c in other.plan.calls] == [c.function for c in plain.plan.calls]
    assert not [c.function for c in other.plan.calls if c.backend == "tvm"]


def test_it_is_what_onnx_runtime_computes(tmp_path: Path) -> None:
    proto, inputs = network(), data(6) * 3
    compilation = compiled(proto, None, tmp_path)
    exact = run_float(proto, inputs)
    steps = np.abs(real(compilation, run_plan(compilation, inputs)).reshape(exact.shape) - exact) / 0.5
    assert steps.max() <= 1.0
    assert np.mean(steps > 0) < 0.05


class Reader(CalibrationDataReader):
    def __init__(self) -> None:
        self.samples = iter([{"x": x[np.newaxis]} for x in data(16)])

    def get_next(self):
        return next(self.samples, None)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activations", ["QInt8", "QUInt8"])
def test_onnx_runtime_quantisation(per_channel: bool, activations: str, tmp_path: Path) -> None:
    onnx.save(classifier(softmax=False), tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "qdq.onnx",
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=per_channel,
        activation_type=getattr(QuantType, activations),
        weight_type=QuantType.QInt8,
    )
    proto, inputs = onnx.load(tmp_path / "qdq.onnx"), data(12, seed=2)
    exact = run_float(proto, inputs)
    for chip in ("generic", "esp32s3"):  # whose default scheme the model's scales do not fit
        compilation = compiled(proto, None, tmp_path / chip, chip=chip)
        assert compilation.plan.scheme == "affine"
        assert not [c.function for c in compilation.plan.calls if c.backend == "tvm"]
        result = real(compilation, run_plan(compilation, inputs)).reshape(exact.shape)
        assert sqnr_db(exact, result) > 25


def test_power_of_two_scales_keep_their_scheme(tmp_path: Path) -> None:
    """What ESP-PPQ exports for the ESP32-S3."""
    compilation = compiled(network(), None, tmp_path, chip="esp32s3")
    assert compilation.plan.scheme == "power_of_two"


def test_other_scales_refuse_power_of_two(tmp_path: Path) -> None:
    proto = network()
    tensor = next(t for t in proto.graph.initializer if numpy_helper.to_array(t).shape == () and t.data_type == 1)
    tensor.CopyFrom(numpy_helper.from_array(np.float32(0.07), tensor.name))
    with pytest.raises(EspdlError, match="no powers of two"):
        compiled(proto, None, tmp_path, scheme="power_of_two")


def test_missing_zero_points(tmp_path: Path) -> None:
    """Without one, QuantizeLinear means uint8 with zero point 0."""
    w = Writer()
    y = w.node("Relu", w.node("Conv", w.pair("x", 1 / 16), w.weights((2, 3, 3, 3), "integers")))
    proto, inputs = w.model(w.pair(y, 1 / 8, None)), data(6)
    exact = run_float(proto, inputs)
    compilation = compiled(proto, None, tmp_path)
    assert compilation.plan.tensor(compilation.plan.outputs[0].tensor).zero_point == -128
    steps = np.abs(real(compilation, run_plan(compilation, inputs)).reshape(exact.shape) - exact) * 8
    assert steps.max() <= 1.0


def test_weights_with_a_zero_point_are_told(tmp_path: Path) -> None:
    w = Writer()
    values = w.constant(w.random.integers(0, 255, (2, 3, 3, 3)).astype(np.uint8))
    scale, zero = w.constant(np.float32(1 / 64)), w.constant(np.array(100, np.uint8))
    y = w.node("Conv", w.pair("x", 1 / 16), w.node("DequantizeLinear", values, scale, zero))
    compilation = compiled(w.model(w.pair(y, 1 / 4)), None, tmp_path)
    assert any("zero point other than 0" in text for text in compilation.quantized.warnings)
    assert [c.backend for c in compilation.plan.calls if c.operator == "fallback"]


def _refused(kind: str) -> onnx.ModelProto:
    w = Writer()
    x = w.pair("x", 1 / 16)
    if kind == "per channel":
        scale, zero = w.constant(np.float32([0.1, 0.2, 0.3])), w.constant(np.zeros(3, np.int8))
        x = w.node("DequantizeLinear", w.node("QuantizeLinear", x, scale, zero, axis=1), scale, zero, axis=1)
    if kind == "scale":
        x = w.pair(x, 0.0)
    if kind == "bias":
        tiny = w.node(
            "DequantizeLinear",
            w.constant(np.ones((2, 3, 1, 1), np.int8)),
            w.constant(np.float32(1e-30)),
            w.constant(np.int8(0)),
        )
        return w.model(w.pair(w.node("Conv", x, tiny, w.constant(np.float32([1.0, 1.0]))), 1 / 4))
    return w.model(w.pair(w.node("Conv", x, w.weights((2, 3, 3, 3), "integers")), 1 / 4))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("per channel", "one scale per channel"),
        ("scale", "not positive and finite"),
        ("bias", "does not fit 32 bits"),
    ],
)
def test_refusals_give_the_reason(kind: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(EspdlError, match=words):
        compiled(_refused(kind), None, tmp_path)


def test_dead_channels_of_a_carried_model_go(tmp_path: Path) -> None:
    proto = network(weights="integers")
    for node in proto.graph.node:
        if node.op_type == "Conv":
            dequantize = next(n for n in proto.graph.node if n.output[0] == node.input[1])
            tensor = next(t for t in proto.graph.initializer if t.name == dequantize.input[0])
            values = numpy_helper.to_array(tensor).copy()
            if len(values) == 4:
                values[1] = 0
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    inputs = data(6)
    made = [compiled(proto, None, tmp_path / c, dead_channels=c) for c in ("keep", "remove")]
    np.testing.assert_array_equal(*(run_plan(m, inputs) for m in made))
    assert made[1].plan.macs == made[0].plan.macs - 144 * (27 + 2)
