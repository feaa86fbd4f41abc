# SPDX-License-Identifier: CC0-1.0
"""Models that compute with the integers themselves: what ONNX Runtime's tools make, and others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from operator_form_models import BY_HAND, NETWORKS, Hand
from small_models import Data, by_onnxruntime, compiled, constant, conv, dense, model, node, normal, quantized

from espdl import frontend, pipeline
from espdl.errors import EspdlError
from espdl.pipeline import Compilation
from espdl.verify import evaluation, reference, samples, validate

# ONNX Runtime scales sums in single precision: a value half-way between two steps may fall to the other side.
ROUNDING = 1.01 / 100
# Roundings in the network that move a value of the output by a step each.
STEPS = {"branches": 3, "products": 2, "averages": 2}


def data_for(proto: onnx.ModelProto, count: int) -> dict[str, np.ndarray]:
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    return {"x": normal(count, *shape[1:], seed=9)}


def in_operator_form(name: str, activations: str, weights: str, per_channel: bool) -> onnx.ModelProto:
    proto = NETWORKS[name]()
    options = kinds("QOperator", activations, weights)
    # 7 bits: ONNX Runtime saturates sums of two products in 16 bits on processors with AVX2 but without VNNI. It does
    # not where the weights are unsigned and have one scale.
    saturates = per_channel or weights == "QInt8"
    return quantized(proto, data_for(proto, 12), per_channel=per_channel, reduce_range=saturates, **options)


def kinds(form: str, activations: str, weights: str) -> dict:
    """Options of quantize_static."""
    from onnxruntime.quantization import QuantFormat, QuantType

    types = {"activation_type": getattr(QuantType, activations), "weight_type": getattr(QuantType, weights)}
    return {"quant_format": getattr(QuantFormat, form), **types}


def loaded(proto: onnx.ModelProto, folder: Path) -> frontend.Model:
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, folder / "net.onnx")
    return frontend.load(folder / "net.onnx")


def expansion_error(proto: onnx.ModelProto, folder: Path) -> float:
    """By how much the Q/DQ form differs from the model as it is, both in ONNX Runtime; relative to the range."""
    expanded, data = loaded(proto, folder), data_for(proto, 4)
    exact, got = (by_onnxruntime(m, data)["y"] for m in (proto, expanded.proto))
    assert np.ptp(exact) > 0
    return float(np.abs(exact - got).max() / np.ptp(exact))


def steps(proto: onnx.ModelProto, folder: Path, data: Data | None = None, **options) -> tuple[float, Compilation]:
    """By how many steps of the output the reference differs from ONNX Runtime, which runs the model as it is."""
    data = data or data_for(proto, 4)
    made = compiled(proto, None, folder, **options)
    exact = by_onnxruntime(proto, data)["y"]
    tensors = samples.to_tensors(made.plan, data)
    runs = [reference.run(made.plan, {n: v[i] for n, v in tensors.items()}) for i in range(len(exact))]
    port = made.plan.outputs[0]
    got = samples.to_float(made.plan, {port.name: np.stack([run[port.tensor] for run in runs])})[port.name]
    last = proto.graph.node[-1]
    held = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    step = held[last.input[1]] if last.op_type == "DequantizeLinear" else np.ptp(exact) / 255
    return float(np.abs(got.reshape(exact.shape) - exact).max() / step), made


TYPES = [("QUInt8", "QInt8"), ("QInt8", "QInt8"), ("QUInt8", "QUInt8")]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_what_onnx_runtime_makes_means_the_same(tmp_path: Path, name: str) -> None:
    for index, types in enumerate(TYPES):
        proto = in_operator_form(name, *types, per_channel=bool(index % 2))
        assert loaded(proto, tmp_path).given is not None
        assert expansion_error(proto, tmp_path) < ROUNDING


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_what_onnx_runtime_makes_compiles(tmp_path: Path, name: str) -> None:
    difference, made = steps(in_operator_form(name, "QUInt8", "QInt8", True), tmp_path)
    assert difference <= STEPS.get(name, 1) + 0.01
    assert not [c for c in made.plan.calls if c.backend == "tvm"]
    told = ["the same integers as their bias" in warning for warning in made.quantized.warnings]
    assert told == ([True] if name == "one_bias_for_two" else [])


@pytest.mark.sweep
@pytest.mark.parametrize("types", TYPES, ids="-".join)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_all_kinds_of_integers(tmp_path: Path, name: str, types: tuple[str, str]) -> None:
    for per_channel in (False, True):
        for options in ({}, {"chip": "esp32s3"}, {"io": "float32"}, {"io": "uint8"}):
            difference, _ = steps(in_operator_form(name, *types, per_channel), tmp_path, **options)
            assert difference <= STEPS.get(name, 1) + 0.01


@pytest.mark.parametrize("name", BY_HAND)
def test_operators_of_every_kind(tmp_path: Path, name: str) -> None:
    proto = BY_HAND[name]()
    assert expansion_error(proto, tmp_path) < ROUNDING
    difference, made = steps(proto, tmp_path)
    assert difference <= 1.01
    assert made.report["layers"]


@pytest.mark.slow
def test_generated_c_and_the_reference_for_validate(tmp_path: Path) -> None:
    """The model as it came is what the C is compared with."""
    proto = in_operator_form("convolutional", "QUInt8", "QInt8", True)
    onnx.save(proto, tmp_path / "net.onnx")
    options = pipeline.Options(str(tmp_path / "net.onnx"), "net", str(tmp_path / "out"))
    result = validate.run(options, evaluation.Evaluation("e", data_for(proto, 4)))
    assert result.exact
    assert result.compilation.model.given.graph.node[1].op_type == "QLinearConv"
    assert result.rows[1].sqnr_db > 40 and result.rows[2].sqnr_db > 40


def test_scales_that_are_found_while_it_runs_are_refused(tmp_path: Path) -> None:
    h = Hand(1, 3, 8, 8)
    quantize = node("DynamicQuantizeLinear", ["x"], ["steps", "scale", "zero"], "quantize")
    h.nodes.append(quantize)
    sums = h.node("ConvInteger", "steps", h.weights(4, 3, 3, 3), "zero")
    h.node("Mul", h.node("Cast", sums, to=TensorProto.FLOAT), h.node("Mul", "scale", h.value(0.01)))
    with pytest.raises(EspdlError, match="while the model runs.*\n.*quantize_static") as caught:
        loaded(h.model(), tmp_path)
    assert caught.value.node.name == "quantize"


def test_a_scale_that_is_an_input_is_refused(tmp_path: Path) -> None:
    h = Hand(1, 3, 8, 8)
    grid = h.grid(1 / 40)
    x = h.quantized()
    h.node("QLinearConv", x, "scale", grid[1], h.weights(4, 3, 3, 3), *h.grid(0.004, 0, np.int8), *grid)
    h.node("DequantizeLinear", h.nodes[-1].output[0], *grid)
    proto = h.model()
    proto.graph.input.append(onnx.helper.make_tensor_value_info("scale", TensorProto.FLOAT, []))
    with pytest.raises(EspdlError, match="'scale' is computed while the model runs"):
        loaded(proto, tmp_path)


def test_a_scale_that_is_left_out_is_refused(tmp_path: Path) -> None:
    """ONNX Runtime's operators have no schema that the checker would hold them against."""
    h = Hand(1, 3, 8, 8)
    grid = h.grid(1 / 40)
    h.node("DequantizeLinear", h.own("QLinearGlobalAveragePool", h.quantized(), "", grid[1], *grid), *grid)
    with pytest.raises(EspdlError, match="its input 1 is missing"):
        loaded(h.model(), tmp_path)


def test_sums_that_stay_integers_are_refused(tmp_path: Path) -> None:
    h = Hand(1, 3, 8, 8)
    sums = h.node("ConvInteger", h.quantized(), h.weights(4, 3, 3, 3), h.value(131, np.uint8))
    h.node("Cast", h.node("Mul", sums, sums), to=TensorProto.FLOAT)
    with pytest.raises(EspdlError, match=r"\(ConvInteger\): its sums are read as 32-bit integers"):
        loaded(h.model(), tmp_path)


@pytest.mark.parametrize("factor", [1.0, 1.0 + 1e-7, 1.3])
def test_integers_read_by_another_scale(tmp_path: Path, factor: float) -> None:
    """Of the input, between two layers, and of the output: three tensors with two grids each."""
    h, zero = Hand(1, 3, 8, 8), 131 if factor < 1.1 else 100
    read, out = h.grid(factor / 40, zero), h.grid(1 / 30)
    y = h.node("QLinearConv", h.quantized(), *read, h.weights(6, 3, 3, 3), *h.grid(0.004, 0, np.int8), *out)
    read = h.grid(factor / 30, zero)
    y = h.own("QLinearGlobalAveragePool", y, *read, *h.grid(1 / 60))
    h.node("DequantizeLinear", y, *h.grid(factor / 60, zero))
    for options in ({}, {"io": "float32"}):
        difference, _ = steps(h.model(), tmp_path, **options)
        assert difference <= 1.01


def test_wide_integers_with_a_zero_point_are_told(tmp_path: Path) -> None:
    h = Hand(1, 3, 8, 8)
    grid, out = h.grid(1 / 9000, 17, np.int16), h.grid(1 / 8000, -3, np.int16)
    x = h.own("DequantizeLinear", h.own("QuantizeLinear", "x", *grid), *grid)
    weights = h.node("DequantizeLinear", h.weights(6, 3, 3, 3), *h.grid(0.003, 0, np.int8))
    y = h.node("Conv", x, weights)
    h.own("DequantizeLinear", h.own("QuantizeLinear", y, *out), *out)
    difference, made = steps(h.model(), tmp_path)
    assert difference <= 1.01
    assert ["16-bit data has a zero point" in warning for warning in made.quantized.warnings] == [True]


@pytest.mark.parametrize("activations", ["QUInt8", "QInt8"])
def test_a_table_of_integers(tmp_path: Path, activations: str) -> None:
    """Gather of a constant gives integers that no node has written: they mean what their reader says."""
    nodes = [node("Gather", ["table", "x"], ["e"], "embed")]
    nodes += [node("ReduceMean", ["e"], ["m"], "mean", axes=[1], keepdims=0)]
    more, held = dense("m", "y", 8, 4)
    table = constant("table", normal(20, 8))
    proto = model([*nodes, *more], [("x", [1, 6], TensorProto.INT64)], [("y", [1, 4])], [*held, table])
    data = {"x": np.random.default_rng(0).integers(0, 20, (12, 6))}
    made = quantized(proto, data, **kinds("QOperator", activations, "QInt8"))
    assert steps(made, tmp_path, data)[0] <= 1.01


@pytest.mark.parametrize("form", ["QOperator", "QDQ"])
def test_prequantized_integers_stay_in_every_precision(tmp_path: Path, form: str) -> None:
    nodes, constants = conv("x", "y", 4, 8, [3], pads=[2, 2], dilations=[2])
    proto, data = model(nodes, [("x", [1, 4, 16])], [("y", [1, 8, 16])], constants), {"x": normal(8, 4, 16)}
    made = quantized(proto, data, **kinds(form, "QUInt8", "QInt8"))
    for precision in ("int8", "float32", "int16x8"):
        difference, compilation = steps(made, tmp_path, data, precision=precision)
        assert difference <= 1.01
        assert [call.operator for call in compilation.plan.calls if "conv2d" in call.operator]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_integers_that_a_cast_makes_are_refused(tmp_path: Path, dtype: type) -> None:
    h = Hand(1, 3, 8, 8)
    kind = TensorProto.INT8 if dtype is np.int8 else TensorProto.UINT8
    limits = [h.value(float(v)) for v in (np.iinfo(dtype).min, np.iinfo(dtype).max)]
    integers = h.node("Cast", h.node("Clip", h.node("Round", h.node("Mul", "x", h.value(40.0))), *limits), to=kind)
    sums = h.node("ConvInteger", integers, h.weights(6, 3, 3, 3))
    real = h.node("Mul", h.node("Cast", sums, to=TensorProto.FLOAT), h.value(1e-4))
    grid = h.grid(1 / 30)
    h.node("DequantizeLinear", h.node("QuantizeLinear", real, *grid), *grid)
    with pytest.raises(EspdlError, match=r"its integers are made by node 'Cast_\d' \(Cast\)"):
        compiled(h.model(), None, tmp_path)
