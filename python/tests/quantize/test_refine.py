# SPDX-License-Identifier: CC0-1.0
"""The techniques one by one: what each of them promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantize_models import Builder, classifier, data, load, run_float

from espdl.quantize import biases
from espdl.quantize.affine import choose as affine
from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.placement import place
from espdl.quantize.power_of_two import Parameters
from espdl.quantize.power_of_two import choose as power_of_two
from espdl.quantize.preprocess import preprocess
from espdl.quantize.ranges import observe
from espdl.quantize.recipe import RECIPES, apply
from espdl.quantize.refine import align, equalize, factors, gptq, sensitivity, zero_point_fold
from espdl.quantize.refine.layer_by_layer import Refinement, choose_samples
from espdl.quantize.types import Settings
from espdl.verify.metrics import sqnr_db

SAMPLES = [{"x": x[np.newaxis]} for x in data(24)]


def network(proto, folder: Path) -> Network:
    simple = biases.complete(preprocess(load(proto, folder)))
    return Network.of(simple, observe(simple, place(Graph(simple)).quantized, SAMPLES))


def output_pairs(net: Network, scales, name: str):
    refinement = Refinement(net, SAMPLES, scales, [name])
    refinement.run(None, False)
    return (np.concatenate([v.reshape(1, -1) for v in values]) for values in zip(*refinement.values(name)))


def test_factors_change_nothing_but_inner_tensors(tmp_path: Path) -> None:
    net = network(classifier(), tmp_path)
    found = factors.groups(net.graph, net.placement)
    count = len(set(found.of.values()))
    random = np.random.default_rng(0)
    chosen = [1.0 if g in found.pinned else float(random.uniform(0.3, 3)) for g in range(count)]
    assert sum(f != 1.0 for f in chosen) >= 3
    folded = factors.fold(net, found, chosen)
    exact, same = (run_float(n.graph.proto, data(8, seed=5)) for n in (net, folded))
    np.testing.assert_allclose(same, exact, rtol=1e-4, atol=1e-6)
    inner = next(n for n in net.placement.quantized if chosen[found.of[n]] != 1.0)
    factor = chosen[found.of[inner]]
    before, after = (run_float(n.graph.proto, data(2), inner) for n in (net, folded))
    np.testing.assert_allclose(after, before * factor, rtol=1e-3, atol=1e-5)
    assert np.isclose(folded.statistics[inner].range[1], net.statistics[inner].range[1] * factor)


def test_factors_are_one_where_values_matter(tmp_path: Path) -> None:
    net = network(classifier(), tmp_path)
    found = factors.groups(net.graph, net.placement)
    softmax = next(n for n in net.graph.nodes if n.op_type == "Softmax")
    for name in (*net.graph.inputs, *net.graph.outputs, softmax.input[0]):
        assert found.of[name] in found.pinned
    assert found.of[softmax.input[0]] in found.terminal
    assert found.of["x"] not in found.terminal


def test_clip_bounds_carry_the_factor(tmp_path: Path) -> None:
    b = Builder((1, 3, 12, 12))
    y = b.node("Clip", b.conv("x", 3, 4), b.constant(np.float32(0)), b.constant(np.float32(0.7)))
    net = network(b.model(b.conv(y, 4, 2)), tmp_path)
    found = factors.groups(net.graph, net.placement)
    chosen = [1.0 if g in found.pinned else 1.7 for g in range(len(set(found.of.values())))]
    folded = factors.fold(net, found, chosen)
    exact, same = (run_float(n.graph.proto, data(8, seed=5)) for n in (net, folded))
    np.testing.assert_allclose(same, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [Settings(), Settings("power_of_two", False)])
def test_bias_correction_removes_the_mean_error(settings: Settings, tmp_path: Path) -> None:
    """Per channel, before the activation: at most a step of the bias and what later rounding adds."""
    b = Builder((1, 3, 12, 12))
    y = b.conv(b.node("Relu", b.conv("x", 3, 8)), 8, 6)
    net = network(b.model(y), tmp_path)
    scales = {"affine": affine, "power_of_two": power_of_two}[settings.scheme](net, settings)
    errors = []
    for correct in (False, True):
        refined = Refinement(net, SAMPLES, scales).run(None, correct)
        exact, rough = output_pairs(net, refined, net.graph.outputs[0])
        errors.append(np.abs((rough - exact).reshape(-1, 6, 144).mean(axis=(0, 2))).max())
    step = float(scales.activations[net.graph.outputs[0]].scale)
    assert errors[1] < 0.05 * step
    assert errors[0] > 2 * errors[1]


def test_gptq_beats_rounding_to_nearest() -> None:
    """In the error of the products, on inputs that are correlated, which is what it lives on."""
    random = np.random.default_rng(0)
    inputs = random.normal(0, 1, (1, 150, 12)) @ random.normal(0, 1, (1, 12, 4000)) + random.normal(0, 0.5, (150, 4000))
    moments = inputs @ inputs.transpose(0, 2, 1) / 4000
    steps = random.uniform(-100, 100, (1, 8, 150))
    rounded = gptq._round(steps, gptq._inverse_factor(moments), (-127, 127))
    assert np.array_equal(rounded, np.rint(rounded))
    assert np.abs(rounded).max() <= 127
    errors = [float((((w - steps) @ inputs) ** 2).mean()) for w in (np.rint(steps), rounded)]
    assert errors[1] < 0.5 * errors[0]


def test_gptq_in_blocks_is_gptq_column_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(0, 1, (2, 70, 300))
    moments, steps = inputs @ inputs.transpose(0, 2, 1), random.uniform(-50, 50, (2, 5, 70))
    blocked = gptq._round(steps, gptq._inverse_factor(moments), (-127, 127))
    monkeypatch.setattr(gptq, "_BLOCK", 1)
    np.testing.assert_array_equal(gptq._round(steps, gptq._inverse_factor(moments), (-127, 127)), blocked)


@pytest.mark.parametrize(
    ("attributes", "inputs", "outputs"),
    [
        ({"pads": [1, 0, 2, 1], "strides": [2, 1]}, 3, 4),
        ({"dilations": [2, 1], "pads": [0] * 4}, 3, 4),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 3, 4),
        ({"auto_pad": "SAME_LOWER"}, 3, 4),
        ({"group": 3, "pads": [1] * 4}, 3, 6),
    ],
)
def test_columns_are_what_the_weights_meet(attributes: dict, inputs: int, outputs: int, tmp_path: Path) -> None:
    """Weights times columns is the convolution, for every kind of border, stride, dilation and group."""
    b = Builder((1, inputs, 9, 8))
    group = attributes.get("group", 1)
    weights = b.random.normal(0, 1, (outputs, inputs // group, 3, 2)).astype(np.float32)
    y = b.node("Conv", "x", b.constant(weights), **attributes)
    simple = biases.complete(preprocess(load(b.model(y), tmp_path)))
    values = data(1, (inputs, 9, 8))
    net = Network.of(simple, observe(simple, place(Graph(simple)).quantized, [{"x": values}]))
    (layer,) = net.layers
    columns = gptq._inputs(layer, values)
    few = gptq._inputs(layer, values, lambda places: np.arange(0, places, 5))
    np.testing.assert_array_equal(few, columns[:, :, ::5])
    rows = layer.rows(layer.weights).reshape(group, outputs // group, -1)
    expected = run_float(simple, values)[0].reshape(group, outputs // group, -1)
    np.testing.assert_allclose(rows @ columns, expected, rtol=1e-4, atol=1e-5)


def test_align_lowers_the_noise_it_models(tmp_path: Path) -> None:
    settings = Settings("power_of_two", False)
    better = 0
    for seed in range(3):
        net = network(classifier(seed), tmp_path)
        gains = sensitivity.gains(net, power_of_two(net, settings), SAMPLES)
        aligned, parameters = align.choose(net, Parameters(), settings, gains)
        name = sensitivity.logits(net)[0]
        plain = sqnr_db(*output_pairs(net, Refinement(net, SAMPLES, power_of_two(net, settings)).run(None, True), name))
        name = sensitivity.logits(aligned)[0]
        scales = Refinement(aligned, SAMPLES, power_of_two(aligned, settings, parameters)).run(None, True)
        better += sqnr_db(*output_pairs(aligned, scales, name)) > plain
    assert better >= 2


def test_equalisation_keeps_the_function_and_evens_channels(tmp_path: Path) -> None:
    b = Builder((1, 3, 12, 12))
    x = b.node("Relu", b.conv("x", 3, 6))
    y = b.node("Relu", b.conv(x, 6, 6, groups=6))
    proto = b.model(b.conv(y, 6, 4, kernel=1, pad=0))
    tensor = next(t for t in proto.graph.initializer if t.name == "c0")
    values = np.frombuffer(tensor.raw_data, np.float32).copy().reshape(6, -1) * np.geomspace(1, 30, 6)[:, np.newaxis]
    tensor.raw_data = values.astype(np.float32).tobytes()
    net = network(proto, tmp_path)
    other = equalize.apply(net, SAMPLES)
    exact, same = (run_float(n.graph.proto, data(8, seed=5)) for n in (net, other))
    np.testing.assert_allclose(same, exact, rtol=1e-3, atol=1e-4)
    name = next(n for n in net.placement.quantized if len(net.statistics[n].channel_peak) == 6)
    spread = [s.channel_peak.max() / s.channel_peak.min() for s in (net.statistics[name], other.statistics[name])]
    assert spread[1] < 1.01 < 5 < spread[0]


def test_zero_point_needs_values_without_sign(tmp_path: Path) -> None:
    b = Builder((1, 3, 12, 12))
    y = b.conv("x", 3, 4, kernel=1, pad=0)
    y = b.conv(b.node("Relu", y), 4, 4, kernel=1, pad=0)
    net = network(b.model(b.conv(y, 4, 4, kernel=1, pad=0)), tmp_path)
    chosen = zero_point_fold.choose(net)
    assert set(chosen.values()) == {-128}
    assert all(net.statistics[name].range[0] >= 0 for name in chosen)
    assert len(chosen) == 1


@given(st.floats(-1e3, -1e-3), st.floats(-1e3, 1e3))
def test_a_zero_point_in_the_middle_makes_finer_steps(low: float, high: float) -> None:
    """Of values on one side; in the range of int8, and never coarser than around 0."""
    zero_point = zero_point_fold._centred(low, high)
    assert -128 <= zero_point <= 127

    def steps(zero: int) -> float:
        return max(high / (127 - zero), -low / (128 + zero))

    assert zero_point < 127 or high <= 0.0
    assert steps(zero_point) <= steps(0)
    if abs(high + low) < 0.1 * (-low):
        assert zero_point == 0
    if high <= low / -8:
        assert zero_point > 0 and steps(zero_point) < 0.7 * steps(0)


def test_sensitivity_predicts_the_effect_of_an_error(tmp_path: Path) -> None:
    """An error of known power in one tensor, through a network that is linear behind it."""
    b = Builder((1, 3, 12, 12))
    x = b.conv("x", 3, 4)
    net = network(b.model(b.conv(x, 4, 2)), tmp_path)
    scales = affine(net, Settings())
    gains = sensitivity.gains(net, scales, SAMPLES)
    probe = sensitivity.Probe(net, list(net.placement.quantized), SAMPLES)
    name = next(n for n in net.placement.quantized if n not in (*net.graph.inputs, *net.graph.outputs))
    random = np.random.default_rng(0)
    noise, square = probe(name, lambda v: random.normal(0, 0.01, v.shape))
    assert np.isclose(noise / square, gains[name], rtol=0.2)


@pytest.mark.parametrize("head", ["Softmax", "ArgMax"])
def test_an_error_costs_the_same_wherever_the_network_is_begun(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two branches and a second output; ArgMax alone hides all errors."""
    b = Builder((1, 3, 12, 12))
    x = b.conv("x", 3, 4)
    y = b.node("Add", b.conv(x, 4, 4), b.conv(x, 4, 4, kernel=1, pad=0))
    z = b.conv(b.node("Add", b.conv(y, 4, 4), x), 4, 2)
    net = network(b.model(b.node(head, z, axis=1), *([y] if head == "Softmax" else [])), tmp_path)
    scales = affine(net, Settings())
    found = sensitivity.gains(net, scales, SAMPLES)
    monkeypatch.setattr(sensitivity, "_PARTS", 1)
    assert found == sensitivity.gains(net, scales, SAMPLES)
    assert any(found.values()) == (head == "Softmax")


def test_few_samples_when_memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(classifier(), tmp_path)
    assert len(choose_samples(net, SAMPLES, len(SAMPLES))) == 24
    monkeypatch.setattr("espdl.quantize.refine.layer_by_layer._MEMORY", 200_000)
    few = choose_samples(net, SAMPLES, len(SAMPLES))
    assert 1 <= len(few) < 10
    monkeypatch.setattr("espdl.quantize.refine.layer_by_layer._MEMORY", 0)
    assert len(choose_samples(net, SAMPLES, len(SAMPLES))) == 1


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_more_effort_is_not_worse_on_calibration_data(scheme: str, tmp_path: Path) -> None:
    noise = {}
    for effort in ("fast", "default", "best"):
        net = network(classifier(softmax=False), tmp_path)
        result = apply(RECIPES[scheme, effort], net, SAMPLES, Settings(scheme, False, effort=effort))
        name = sensitivity.logits(result.network)[0]
        noise[effort] = sqnr_db(*output_pairs(result.network, result.scales, name))
    assert noise["fast"] < noise["default"] <= noise["best"] + 1.0
