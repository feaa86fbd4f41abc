# SPDX-License-Identifier: CC0-1.0
"""Coarser weights for lanes of few bits: only where the sums need it, and where nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from quantize_models import Builder, load

from espdl.quantization import Quantization
from espdl.quantize import biases
from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.placement import place
from espdl.quantize.preprocess import preprocess
from espdl.quantize.ranges import observe
from espdl.quantize.recipe import RECIPES, apply
from espdl.quantize.refine.lanes import Lanes
from espdl.quantize.types import Settings
from espdl.targets import ROUND_HALF_UP

# Inputs of the layer; its sums reach a few times 2**19.
INPUTS = 432


@pytest.mark.parametrize("low", [0, -128])
@pytest.mark.parametrize("data_zero, result_zero", [(0, 0), (-128, 5)])
def test_lanes_hold_the_largest_sum_and_not_one_more(low: int, data_zero: int, result_zero: int) -> None:
    random = np.random.default_rng(-low)
    rows = random.integers(-128, 128, (3, 40)).astype(np.int8)
    shift = 9
    lanes = Lanes(20, Quantization(np.float32(0.5), data_zero), Quantization(np.float32(0.25), result_zero), low)
    scale = 0.25 / 0.5 * 2.0**-shift
    folded = -data_zero * rows.astype(int).sum(axis=1) + (result_zero << shift) + (1 << shift >> 1)
    extremes = np.where(rows > 0, 127, low), np.where(rows > 0, low, 127)
    high, least = ((rows.astype(int) * x).sum(axis=1) + folded for x in extremes)
    up, down = (2**19 - 1 - high).min(), (-(2**19) - least).max()
    for bias, held in ((up, True), (up + 1, False), (down, True), (down - 1, False)):
        assert lanes.hold(rows, np.full(3, bias), scale) == held


def samples(kinds: int) -> list[dict[str, np.ndarray]]:
    """Mixtures of so many patterns: few of them let rounding errors cancel each other."""
    random = np.random.default_rng(1)
    patterns = random.normal(0, kinds**-0.5, (kinds, INPUTS))
    return [{"x": (random.normal(0, 1, (1, kinds)) @ patterns).astype(np.float32)} for _ in range(48)]


def layer(folder: Path, inputs: list[dict[str, np.ndarray]], largest_bias: float) -> Network:
    """One layer; a large bias in one of its outputs gives its result coarse steps."""
    b = Builder((1, INPUTS))
    weights = b.random.normal(0, INPUTS**-0.5, (8, INPUTS)).astype(np.float32)
    bias = np.array([largest_bias, *[0.0] * 7], np.float32)
    proto = b.model(b.node("Gemm", "x", b.constant(weights), b.constant(bias), transB=1))
    simple = biases.complete(preprocess(load(proto, folder)))
    return Network.of(simple, observe(simple, place(Graph(simple)).quantized, inputs))


def scale_and_noise(net: Network, inputs: list[dict[str, np.ndarray]], lane_bits: int) -> tuple[float, float]:
    settings = Settings("power_of_two", False, rounding=ROUND_HALF_UP, lane_bits=lane_bits)
    result = apply(RECIPES["power_of_two", "default"], net, inputs, settings)
    ((_, quantization),) = result.scales.weights.values()
    return float(quantization.scale), result.noise


def test_weights_become_coarser_where_the_result_does_not_show_it(tmp_path: Path) -> None:
    inputs = samples(kinds=4)
    net = layer(tmp_path, inputs, 100.0)
    (fine, before), (coarse, after) = (scale_and_noise(net, inputs, bits) for bits in (32, 20))
    assert coarse in (2 * fine, 4 * fine, 8 * fine)
    assert after < 1.01 * before
    assert scale_and_noise(net, inputs, 24)[0] == fine


@pytest.mark.parametrize("kinds, largest_bias", [(4, 0.0), (400, 100.0)])
def test_weights_stay_fine_where_the_result_would_show_it(tmp_path: Path, kinds: int, largest_bias: float) -> None:
    """Because its steps are fine, or because the inputs have nothing in common that errors could cancel by."""
    inputs = samples(kinds)
    net = layer(tmp_path, inputs, largest_bias)
    assert scale_and_noise(net, inputs, 20) == scale_and_noise(net, inputs, 32)
