# SPDX-License-Identifier: CC0-1.0
"""Whole networks in both schemes: every ratio as promised, C's reference near the float network, deterministic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from quantize_models import Builder, classifier, compiled, data, load, real, run_float, run_plan

from espdl.errors import EspdlError
from espdl.options import Options
from espdl.quantize import Settings, calibration, run
from espdl.quantize.methods import methods
from espdl.quantize.prequantized import is_power_of_two
from espdl.quantize.steps import find
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP
from espdl.verify import evaluation, validate
from espdl.verify.metrics import sqnr_db

EFFORTS = ("fast", "default", "best")


def quantized(proto, folder: Path, settings: Settings):
    model = load(proto, folder)
    np.save(folder / "calib.npy", data(24))
    return run(model, calibration.open(folder / "calib.npy", model), settings)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("seed", range(3))
def test_power_of_two_keeps_its_promises(seed: int, effort: str, per_channel: bool, tmp_path: Path) -> None:
    settings = Settings("power_of_two", per_channel, effort=effort, rounding=ROUND_HALF_UP)
    proto = quantized(classifier(seed), tmp_path, settings).proto
    assert is_power_of_two(proto)
    steps = find(proto)
    for step in steps.steps:
        if step.weights is None:
            if step.node.op_type == "Add":
                scales = [steps.quantization[t].scale for t in (*step.inputs, step.output)]
                assert all(np.frexp(np.float64(s) / scales[0])[0] == 0.5 for s in scales)
            continue
        assert (np.size(step.weights.quantization.scale) > 1) == per_channel
        x = steps.quantization[step.inputs[0]]
        rows = np.abs(step.weights.values.astype(np.int64)).reshape(len(step.weights.values), -1).sum(axis=1)
        bound = rows * max(127 - x.zero_point, 128 + x.zero_point) + np.abs(step.bias.values.astype(np.int64))
        assert bound.max() < 2**30
    assert {g.zero_point for g in steps.quantization.values()} <= {0, -128}
    softmax = next(s for s in steps.steps if s.node.op_type == "Softmax")
    assert (steps.quantization[softmax.output].scale, steps.quantization[softmax.output].zero_point) == (2.0**-7, 0)


def test_zero_point_only_where_every_kernel_takes_it(tmp_path: Path) -> None:
    """Padded readers and sums keep zero point 0, unless the target's kernels take any."""
    found = {}
    for anywhere in (False, True):
        settings = Settings("power_of_two", False, rounding=ROUND_HALF_UP, zero_points_anywhere=anywhere)
        steps = find(quantized(classifier(), tmp_path, settings).proto)
        found[anywhere] = {s.node.name: steps.quantization[s.output].zero_point for s in steps.steps if s.output}
    assert found[False]["node_conv0"] == 0  # read by a padded depthwise convolution and a sum
    assert found[False]["node_conv2"] == -128  # read by a 1x1 convolution
    assert found[True]["node_conv0"] == -128


def test_an_input_on_one_side_has_a_zero_point_where_kernels_take_it(tmp_path: Path) -> None:
    """On the ESP32-S3 none do; elsewhere its steps are finer, and the C is still what ONNX Runtime computes."""
    np.save(tmp_path / "calib.npy", data(24) - 6.0)
    np.save(tmp_path / "eval.npy", data(8, seed=2) - 6.0)
    onnx.save(classifier(), tmp_path / "net.onnx")
    inputs = {}
    for chip in ("generic", "esp32s3"):
        paths = {"calibration": str(tmp_path / "calib.npy"), "output": str(tmp_path / chip)}
        options = Options(str(tmp_path / "net.onnx"), "net", scheme="power_of_two", chip=chip, **paths)
        validation = validate.run(options, evaluation.of(options, str(tmp_path / "eval.npy")))
        assert validation.failures(None, None) == []
        plan = validation.compilation.plan
        inputs[chip] = plan.tensor(plan.inputs[0].tensor)
    assert inputs["generic"].zero_point > 60 and inputs["esp32s3"].zero_point == 0
    assert inputs["generic"].scale < 0.71 * inputs["esp32s3"].scale


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 30),
        ({"effort": "fast"}, 28),
        ({"effort": "best"}, 30),
        ({"chip": "esp32s3"}, 22),
        ({"chip": "esp32p4"}, 22),
        ({"scheme": "power_of_two", "effort": "best"}, 24),
        ({"precision": "int16x8"}, 38),
        ({"precision": "int16x8", "chip": "esp32s3"}, 38),
    ],
)
def test_reference_is_near_the_float_network(options: dict, least: float, tmp_path: Path) -> None:
    proto, inputs = classifier(), data(40, seed=2)
    compilation = compiled(proto, data(24), tmp_path, **options)
    assert not [call.function for call in compilation.plan.calls if call.backend == "tvm"]
    result = real(compilation, run_plan(compilation, inputs))
    exact = run_float(proto, inputs)
    assert sqnr_db(exact, result.reshape(exact.shape)) >= least


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_the_same_bytes_every_time(scheme: str, tmp_path: Path) -> None:
    made = [quantized(classifier(), tmp_path, Settings(scheme, effort="best")).proto for _ in range(2)]
    assert made[0].SerializeToString(deterministic=True) == made[1].SerializeToString(deterministic=True)


def test_methods_change_ranges(tmp_path: Path) -> None:
    for scheme in ("affine", "power_of_two"):
        seen = {
            method: quantized(
                classifier(), tmp_path, Settings(scheme, method=method, effort="fast")
            ).proto.SerializeToString()
            for method in methods()
        }
        assert len(set(seen.values())) >= 2


def test_half_even_target_gets_scales_per_channel(tmp_path: Path) -> None:
    settings = Settings("power_of_two", True, rounding=ROUND_HALF_EVEN)
    weights = [
        s.weights for s in find(quantized(classifier(), tmp_path, settings).proto).steps if s.weights is not None
    ]
    assert all(np.size(w.quantization.scale) == w.values.shape[0] for w in weights)


def test_nearly_dead_channels_do_not_overflow_the_bias(tmp_path: Path) -> None:
    """Weights of 1e-30 beside a bias of 0.5 in one channel."""
    b = Builder((1, 3, 12, 12))
    y = b.node("Relu", b.conv("x", 3, 4))
    proto = b.model(b.conv(y, 4, 2))
    weights = next(t for t in proto.graph.initializer if t.name == "c0")
    values = np.frombuffer(weights.raw_data, np.float32).copy().reshape(4, -1)
    values[1] *= 1e-30
    weights.raw_data = values.tobytes()
    for options in ({}, {"chip": "esp32s3"}, {"chip": "esp32p4"}, {"precision": "int16x8"}):
        compilation = compiled(proto, data(24), tmp_path, **options)
        result = real(compilation, run_plan(compilation, data(8, seed=3)))
        exact = run_float(proto, data(8, seed=3))
        assert sqnr_db(exact, result.reshape(exact.shape)) > 15


def test_int16_needs_affine(tmp_path: Path) -> None:
    with pytest.raises(EspdlError, match="they need scheme affine"):
        compiled(classifier(), data(8), tmp_path, precision="int16x8", scheme="power_of_two")


def test_single_layers_with_16_bits(tmp_path: Path) -> None:
    proto, inputs = classifier(softmax=False), data(20, seed=2)
    exact = run_float(proto, inputs)
    nodes = ("node_conv2", "node_averagepool11")
    compilation = compiled(proto, data(24), tmp_path, int16=nodes)
    plan = compilation.plan
    assert not [c.function for c in plan.calls if c.backend == "tvm"]
    widths = {n: plan.tensor(c.outputs[0]).dtype for c in plan.calls for n in c.source_nodes}
    assert {n for n, dtype in widths.items() if dtype == "int16"} >= set(nodes)
    assert [c.function for c in plan.calls].count("espdl_rescale_s8_s16") == 2
    assert sqnr_db(exact, real(compilation, run_plan(compilation, inputs)).reshape(exact.shape)) > 30
    with pytest.raises(EspdlError, match=r"the model has no such node[^\n]*\n.*such as node_conv\d"):
        compiled(proto, data(24), tmp_path, int16=("node_conv",))


def test_a_network_of_unknown_operators_still_quantises(tmp_path: Path) -> None:
    """Products, sigmoids and constants between convolutions: techniques leave alone what they do not understand."""
    b = Builder((1, 3, 12, 12))
    y = b.conv("x", 3, 6)
    y = b.node("Mul", y, b.node("Sigmoid", y))
    y = b.node("Mul", y, b.constant(np.linspace(0.5, 2, 6, dtype=np.float32).reshape(1, 6, 1, 1)))
    y = b.conv(y, 6, 4, kernel=1, pad=0)
    proto = b.model(b.node("Tanh", b.node("GlobalAveragePool", y)))
    inputs = data(20, seed=2)
    exact = run_float(proto, inputs)
    for options in ({"effort": "best"}, {"chip": "esp32s3"}, {"scheme": "power_of_two", "effort": "best"}):
        compilation = compiled(proto, data(24), tmp_path, **options)
        assert sqnr_db(exact, real(compilation, run_plan(compilation, inputs)).reshape(exact.shape)) > 15
