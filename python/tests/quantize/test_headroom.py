# SPDX-License-Identifier: CC0-1.0
"""16-bit activations: values beyond those that calibration saw do not saturate, up to four times as large."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_models import constant, conv, dense, join, model, node, normal, outcome

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "80"))


def sound() -> onnx.ModelProto:
    """Convolutions over time with a residual Add, a mean, a dense layer."""
    parts = join(
        conv("x", "a", 3, 12, (3,), pads=[1, 1]),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "c", 12, 12, (3,), pads=[1, 1], seed=9),
        node("Add", ["r", "c"], ["s"], "add"),
        node("ReduceMean", ["s"], ["m"], "mean", axes=[2], keepdims=0),
        dense("m", "y", 12, 5),
    )
    return model(parts[0], [("x", [1, 3, 32])], [("y", [1, 5])], parts[1])


@settings(max_examples=max(3, EXAMPLES // 25), phases=[Phase.generate], deadline=None)
@given(st.floats(1.0, 3.0))
def test_louder_than_calibration(tmp_path_factory: pytest.TempPathFactory, loudness: float) -> None:
    evaluation = {"x": normal(12, 3, 32, seed=6) * np.float32(loudness)}
    folder = tmp_path_factory.mktemp("louder")
    result = outcome(sound(), {"x": normal(40, 3, 32)}, folder, evaluation=evaluation, precision="int16x8")
    assert result.sqnr >= 45.0


def test_single_layers_of_16_bits_have_it_too(tmp_path: Path) -> None:
    made = outcome(sound(), {"x": normal(40, 3, 32)}, tmp_path, int16=("c_conv/Conv",)).compilation
    seen = made.quantized.statistics
    wide = [t for t in made.plan.tensors if t.dtype == "int16" and t.name in seen]
    assert wide
    assert all(t.scale * 32767 >= 3.9 * max(map(abs, seen[t.name])) for t in wide)


@pytest.mark.parametrize("masked", [-1e4, -1e9, -3.4e38])
def test_one_less_a_mask_of_ones_is_nothing(masked: float, tmp_path: Path) -> None:
    """The usual mask of keys, (1 - mask) * -1e9: what rounding leaves of 1 - 1 becomes 30,000."""
    parts = join(
        node("Sub", ["one", "mask"], ["off"], "off"),
        node("Mul", ["off", "large"], ["low"], "low"),
        node("Add", ["x", "low"], ["scores"], "scores"),
        node("Softmax", ["scores"], ["y"], "softmax", axis=-1),
    )
    constants = [constant("one", 1.0), constant("large", masked)]
    proto = model(parts[0], [("x", [1, 4, 8]), ("mask", [1, 1, 8])], [("y", [1, 4, 8])], constants)
    masks = (np.arange(8) < np.random.default_rng(3).integers(3, 9, (40, 1, 1, 1))).astype(np.float32)[:, 0]
    data = {"x": normal(40, 4, 8), "mask": masks}
    assert outcome(proto, data, tmp_path, precision="int16x8").sqnr >= 45.0
