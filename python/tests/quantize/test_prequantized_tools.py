# SPDX-License-Identifier: CC0-1.0
"""What tools really write, node by node: PyTorch's exporters and ESP-PPQ's, rebuilt here without the tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from quantize_models import Builder, compiled, data, load, real, run_float, run_plan

from espdl import pipeline
from espdl.errors import EspdlError
from espdl.verify import evaluation, validate

INPUT, INNER, SUM, RESULT = 1 / 32, 3 / 128, 3 / 64, 1 / 64


class Tool(Builder):
    """A residual network with a pool, a mean and a dense layer; subclasses write it as their tool does."""

    dtype: type = np.int8
    opset = 13

    def __init__(self) -> None:
        super().__init__((1, 3, 12, 12), seed=3)

    def scalar(self, value: float | int, dtype: type = np.float32) -> str:
        return self.constant(np.array(value, dtype))

    def pair(self, x: str, scale: float, zero_point: int = 0) -> str:
        """`zero_point` is that of int8."""
        zero = zero_point + 128 if self.dtype is np.uint8 else zero_point
        grid = [self.scalar(scale), self.scalar(zero, self.dtype)]
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *grid), *grid)

    def weights(self, shape: tuple[int, ...]) -> str:
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        scale = self.constant(np.full(shape[0], 0.8 * float(np.prod(shape[1:])) ** -0.5 / 127, np.float32))
        zero = self.constant(np.zeros(shape[0], np.int8))
        return self.node("DequantizeLinear", self.constant(values), scale, zero, axis=0)

    def bias(self, count: int) -> str:
        return self.constant(self.random.normal(0, 0.3, count).astype(np.float32))

    def layer(self, kind: str, x: str, shape: tuple[int, ...], **attributes) -> str:
        return self.node(kind, x, self.weights(shape), self.bias(shape[0]), **attributes)

    def relu(self, x: str, scale: float) -> str:
        """An activation and the pair behind it, for which all integers serve values without sign."""
        return self.pair(self.node("Relu", x), scale / 2, -128)

    def pool(self, x: str, scale: float) -> str:
        pooled = self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        return self.pair(pooled, scale / 2, -128)

    def mean(self, x: str, scale: float) -> str:
        return self.pair(self.node("GlobalAveragePool", x), scale / 2, -128)

    def end(self, y: str) -> str:
        return self.pair(y, RESULT, 5)

    def network(self) -> onnx.ModelProto:
        x = self.pair("x", INPUT, 3)
        x = self.relu(self.layer("Conv", x, (8, 3, 3, 3), pads=[1] * 4), INNER)
        y = self.relu(self.layer("Conv", x, (8, 1, 3, 3), pads=[1] * 4, group=8), INNER)
        y = self.pair(self.layer("Conv", y, (8, 8, 1, 1)), INNER, -7)
        x = self.relu(self.node("Add", x, y), SUM)
        x = self.relu(self.layer("Conv", self.pool(x, SUM), (12, 8, 1, 1)), INNER)
        flat = self.node("Flatten", self.mean(x, INNER))
        return self.model(self.end(self.layer("Gemm", flat, (5, 12), transB=1)), opset=self.opset)


class Pt2e(Tool):
    """torch.onnx.export of a pt2e-quantised model (XNNPACK's quantizer): ReduceMean, a pair before a ReLU6."""

    opset = 18

    def relu(self, x: str, scale: float) -> str:
        if scale == INNER:
            x = self.node("Clip", self.pair(x, scale, 9), self.scalar(0.0), self.scalar(6.0))
            return self.pair(x, scale / 2, -128)
        return super().relu(x, scale)

    def mean(self, x: str, scale: float) -> str:
        axes = self.constant(np.array([-1, -2], np.int64))
        return self.pair(self.node("ReduceMean", x, axes, keepdims=1), scale / 2, -128)


class Fx(Tool):
    """TorchScript's export of fx graph mode: uint8, Cast to uint8 between, biases of any scale with computed zeros."""

    dtype = np.uint8

    def pair(self, x: str, scale: float, zero_point: int = 0) -> str:
        grid = [self.scalar(scale), self.scalar(zero_point + 128, np.uint8)]
        steps = self.node("Cast", self.node("QuantizeLinear", x, *grid), to=TensorProto.UINT8)
        return self.node("DequantizeLinear", steps, *grid)

    def bias(self, count: int) -> str:
        count_name = self.node("Identity", self.constant(np.array([count], np.int64)))
        zeros = self.node("Cast", self.node("ConstantOfShape", count_name), to=TensorProto.INT32)
        scale = self.constant(np.full(count, 2.0**-12, np.float32))
        values = self.constant(self.random.integers(-1000, 1000, count).astype(np.int32))
        return self.node("DequantizeLinear", values, scale, zeros, axis=0)

    def relu(self, x: str, scale: float) -> str:
        return super().relu(self.pair(x, scale, 4) if scale == INNER else x, scale)


class FakeQuantized(Tool):
    """The export of quantisation-aware training: pairs twice, float weights with a pair, zero points of one element."""

    dtype = np.uint8

    def pair(self, x: str, scale: float, zero_point: int = 0) -> str:
        for _ in range(2):
            zero = self.node("Identity", self.constant(np.array([zero_point + 128], np.uint8)))
            grid = [self.constant(np.array([scale], np.float32)), zero]
            x = self.node("DequantizeLinear", self.node("QuantizeLinear", x, *grid), *grid)
        return x

    def weights(self, shape: tuple[int, ...]) -> str:
        spread = float(np.prod(shape[1:])) ** -0.5
        values = self.constant(self.random.uniform(-spread, spread, shape).astype(np.float32))
        grid = [self.constant(np.full(shape[0], spread / 127, np.float32)), self.constant(np.zeros(shape[0], np.int8))]
        return self.node("DequantizeLinear", self.node("QuantizeLinear", values, *grid, axis=0), *grid, axis=0)


class EspPpq(Tool):
    """ESP-PPQ's export for ONNX Runtime: powers of two, no zero points, int32 biases, no pair behind a pool."""

    def pair(self, x: str, scale: float, zero_point: int = 0) -> str:
        return super().pair(x, 2.0 ** np.ceil(np.log2(scale)), 0)

    def weights(self, shape: tuple[int, ...]) -> str:
        values = self.constant(self.random.integers(-90, 90, shape).astype(np.int8))
        return self.node("DequantizeLinear", values, self.scalar(2.0**-8), self.scalar(0, np.int8))

    def layer(self, kind: str, x: str, shape: tuple[int, ...], **attributes) -> str:
        weights = self.weights(shape)
        made = {n.output[0]: n for n in self.nodes}
        source = made[x] if made[x].op_type == "DequantizeLinear" else made[made[x].input[0]]
        scale = next(c for c in self.constants if c.name == source.input[1])
        product = onnx.numpy_helper.to_array(scale) * np.float32(2.0**-8)
        values = self.constant(self.random.integers(-1000, 1000, shape[0]).astype(np.int32))
        bias = self.node("DequantizeLinear", values, self.scalar(product), self.scalar(0, np.int32))
        return self.node(kind, x, weights, bias, **attributes)

    def pool(self, x: str, scale: float) -> str:
        return self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])


def steps_from_onnx_runtime(proto: onnx.ModelProto, result: np.ndarray, scale: float, inputs: np.ndarray) -> np.ndarray:
    exact = run_float(proto, inputs)
    assert np.ptp(exact) > 12 * scale
    return np.abs(result.reshape(exact.shape) - exact) / scale


@pytest.mark.parametrize("tool", [Tool, Pt2e, Fx, FakeQuantized, EspPpq], ids=lambda t: t.__name__)
def test_every_layer_runs_on_integers(tool: Callable[[], Tool], tmp_path: Path) -> None:
    proto, inputs = tool().network(), data(8)
    compilation = compiled(proto, None, tmp_path)
    assert not [c.function for c in compilation.plan.calls if c.backend == "tvm"]
    assert compilation.quantized.warnings == ()
    scale = compilation.plan.tensor(compilation.plan.outputs[0].tensor).scale
    steps = steps_from_onnx_runtime(proto, real(compilation, run_plan(compilation, inputs)), scale, inputs)
    # Rounding differs by one step in a layer at most; what differs before a sum may add up to two at the end.
    assert steps.max() <= 2.01
    assert np.mean(steps > 0.01) < 0.2


def test_esp_ppq_keeps_its_scheme(tmp_path: Path) -> None:
    proto, inputs = EspPpq().network(), data(8)
    compilation = compiled(proto, None, tmp_path, chip="esp32s3")
    assert compilation.plan.scheme == "power_of_two"
    scale = compilation.plan.tensor(compilation.plan.outputs[0].tensor).scale
    steps = steps_from_onnx_runtime(proto, real(compilation, run_plan(compilation, inputs)), scale, inputs)
    assert steps.max() <= 3.01  # halves go up on this chip, to even in ONNX Runtime


@pytest.mark.slow
@pytest.mark.parametrize("tool", [Pt2e, Fx, FakeQuantized, EspPpq], ids=lambda t: t.__name__)
def test_generated_c_is_the_reference(tool: Callable[[], Tool], tmp_path: Path) -> None:
    onnx.save(tool().network(), tmp_path / "net.onnx")
    options = pipeline.Options(str(tmp_path / "net.onnx"), "net", str(tmp_path / "out"))
    result = validate.run(options, evaluation.Evaluation("e", {"x": data(4)}))
    assert result.exact
    assert result.rows[1].sqnr_db > 60


class WithoutSomePairs(Tool):
    """What PyTorch's quantizer for x86 leaves in floats: a sum with its convolution, and the last layer."""

    def end(self, y: str) -> str:
        return y

    def network(self) -> onnx.ModelProto:
        x = self.relu(self.layer("Conv", self.pair("x", INPUT, 3), (8, 3, 3, 3), pads=[1] * 4), INNER)
        total = self.node("Relu", self.node("Add", x, self.layer("Conv", x, (8, 8, 1, 1))))
        flat = self.pair(self.node("Flatten", self.node("GlobalAveragePool", total)), INNER, -128)
        return self.model(self.layer("Gemm", flat, (5, 8), transB=1))


def test_layers_without_a_pair_run_in_floats_and_are_told(tmp_path: Path) -> None:
    proto, inputs = WithoutSomePairs().network(), data(4)
    compilation = compiled(proto, None, tmp_path)
    told = [w.split("'")[1] for w in compilation.quantized.warnings if "no QuantizeLinear" in w]
    assert len(told) == 2 and told[1].startswith("node_gemm")
    exact = run_float(proto, inputs)
    np.testing.assert_allclose(run_plan(compilation, inputs).reshape(exact.shape), exact, atol=0.02)


def test_a_pool_without_a_pair_loses_nothing(tmp_path: Path) -> None:
    """The pair that is added lies on the grid that the values are on already."""
    b = Tool()
    y = b.node("MaxPool", b.node("Relu", b.pair("x", INPUT, 3)), kernel_shape=[2, 2], strides=[2, 2])
    proto, inputs = b.model(b.pair(b.layer("Conv", y, (4, 3, 1, 1)), RESULT)), data(4)
    compilation = compiled(proto, None, tmp_path)
    assert [c.function for c in compilation.plan.calls if c.backend == "tvm"] == []
    np.testing.assert_allclose(run_float(compilation.quantized.proto, inputs), run_float(proto, inputs), atol=1e-6)


def test_shapes_of_shapes_are_computed(tmp_path: Path) -> None:
    """Shape, Gather, Concat before a Reshape, as exporters write `view(x.size(0), -1)`."""
    b = Tool()
    x = b.relu(b.layer("Conv", b.pair("x", INPUT, 3), (4, 3, 3, 3)), INNER)
    first = b.node("Gather", b.node("Shape", x), b.constant(np.array([0], np.int64)))
    shape = b.node("Concat", first, b.constant(np.array([-1], np.int64)), axis=0)
    y = b.layer("Gemm", b.node("Reshape", x, shape), (5, 400), transB=1)
    proto, inputs = b.model(b.pair(y, RESULT)), data(4)
    compilation = compiled(proto, None, tmp_path)
    assert [c.function for c in compilation.plan.calls if c.backend == "tvm"] == []
    steps = steps_from_onnx_runtime(proto, real(compilation, run_plan(compilation, inputs)), RESULT, inputs)
    assert steps.max() <= 1.01


def test_integers_of_another_width_are_refused(tmp_path: Path) -> None:
    """ESP-PPQ's 16-bit export says int32, which QuantizeLinear does not have."""
    b = Tool()
    grid = [b.scalar(INPUT), b.scalar(0, np.int32)]
    x = b.node("DequantizeLinear", b.node("QuantizeLinear", "x", *grid), *grid)
    proto = b.model(b.layer("Conv", x, (4, 3, 3, 3)))
    with pytest.raises(EspdlError, match="its integers are int32"):
        compiled(proto, None, tmp_path)
    assert load(proto, tmp_path).carries_quantization
