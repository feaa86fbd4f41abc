# SPDX-License-Identifier: CC0-1.0
"""Removed channels change no bit of any output, and everything that can go goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from quantize_models import Builder, compiled, data, run_plan


def kill(proto: onnx.ModelProto, node: str, channels: Sequence[int], bias: float | None = None) -> None:
    """Weights of 1e-30 in these output channels of a layer, and a bias if given."""
    found = next(n for n in proto.graph.node if n.name == node)
    for index, factor in ((1, 1e-30), (2, None)):
        tensor = next(t for t in proto.graph.initializer if t.name == found.input[index])
        values = numpy_helper.to_array(tensor).copy()
        if factor is not None:
            values[list(channels)] *= factor
        elif bias is not None:
            values[list(channels)] = bias
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def both(proto: onnx.ModelProto, folder: Path, **options):
    """(kept, removed) compilations, after a check that their outputs are equal."""
    made = [compiled(proto, data(16), folder, dead_channels=choice, **options) for choice in ("keep", "remove")]
    inputs = data(6, seed=9) * 2
    np.testing.assert_array_equal(run_plan(made[0], inputs), run_plan(made[1], inputs))
    return made


def mobile(seed: int = 0) -> onnx.ModelProto:
    """conv0, depthwise conv2, 1x1 conv4, depthwise conv6 without border, 1x1 conv8, mean, product 12."""
    b = Builder((1, 3, 12, 12), seed)
    x = b.node("Relu", b.conv("x", 3, 8))
    x = b.node("Relu", b.conv(x, 8, 8, groups=8))
    x = b.node("Relu", b.conv(x, 8, 10, kernel=1, pad=0))
    x = b.node("Relu", b.conv(x, 10, 10, groups=10, pad=0))
    x = b.node("Relu", b.conv(x, 10, 6, kernel=1, pad=0))
    return b.model(b.gemm(b.node("Flatten", b.node("GlobalAveragePool", x)), 6, 4))


OPTIONS = [{}, {"chip": "esp32s3"}, {"chip": "esp32p4"}, {"scheme": "power_of_two"}, {"precision": "int16x8"}]


@pytest.mark.parametrize("options", OPTIONS)
def test_channel_that_is_off(options: dict, tmp_path: Path) -> None:
    """Constant 0 before a padded depthwise convolution: it goes on both sides, and from the layers around."""
    proto = mobile()
    kill(proto, "node_conv0", [1, 5], bias=-1.0)
    kept, removed = both(proto, tmp_path, **options)
    assert removed.plan.macs < kept.plan.macs
    assert removed.quantized.proto.graph.node[-1].output == kept.quantized.proto.graph.node[-1].output
    channels = {name: len(c) for name, c in removed.quantized.removed.items()}
    assert sorted(channels.values())[-2:] == [2, 2]
    assert any("2 of 8 channels" in text for text in removed.quantized.removed_text)


def test_whole_vectors_stay_where_kernels_want_them(tmp_path: Path) -> None:
    """ESP-DL's kernels are slow where channels are no multiple of 16: of 48 with 20 dead ones 32 stay, not 28."""
    b = Builder((1, 3, 12, 12), 0)
    x = b.node("Relu", b.conv("x", 3, 48))
    x = b.node("Relu", b.conv(x, 48, 48, groups=48))
    x = b.node("Relu", b.conv(x, 48, 10, kernel=1, pad=0))
    proto = b.model(b.gemm(b.node("Flatten", b.node("GlobalAveragePool", x)), 10, 4))
    kill(proto, "node_conv0", range(20), bias=-1.0)
    kill(proto, "node_conv4", [1], bias=-1.0)
    for chip, stay in (("esp32p4", 32), ("generic", 28)):
        _, removed = both(proto, tmp_path, chip=chip)
        layers = [call for call in removed.plan.calls if call.macs]
        assert [removed.plan.tensor(call.outputs[0]).shape[-1] for call in layers] == [stay, stay, 9, 4]


@pytest.mark.parametrize("options", OPTIONS)
def test_constant_goes_into_the_next_bias(options: dict, tmp_path: Path) -> None:
    """Constant 0.6 through a depthwise convolution without border into a 1x1 convolution."""
    proto = mobile()
    kill(proto, "node_conv4", [0, 3, 4], bias=0.6)
    _, removed = both(proto, tmp_path, **options)
    assert any("3 of 10 channels" in text for text in removed.quantized.removed_text)


def test_constant_behind_a_border_stays(tmp_path: Path) -> None:
    """Constant 0.6 before a padded depthwise convolution: at the border its output differs."""
    proto = mobile()
    kill(proto, "node_conv0", [1], bias=0.6)
    kept, removed = both(proto, tmp_path)
    assert removed.plan.macs == kept.plan.macs


def test_channel_that_nobody_reads(tmp_path: Path) -> None:
    """Its depthwise successor multiplies with zero only: conv0 need not compute it, though it is not constant."""
    proto = mobile()
    kill(proto, "node_conv2", [2, 6], bias=-1.0)
    _, removed = both(proto, tmp_path)
    assert sum("2 of 8 channels" in text for text in removed.quantized.removed_text) == 2


def test_channels_of_sums_and_outputs_stay(tmp_path: Path) -> None:
    b = Builder((1, 3, 12, 12))
    x = b.node("Relu", b.conv("x", 3, 4))
    y = b.node("Add", x, b.conv(x, 4, 4))
    proto = b.model(b.conv(y, 4, 4, kernel=1, pad=0))
    for node in ("node_conv0", "node_conv2", "node_conv4"):
        kill(proto, node, [1], bias=-1.0)
    kept, removed = both(proto, tmp_path)
    assert removed.plan.macs == kept.plan.macs


def test_one_channel_always_stays(tmp_path: Path) -> None:
    proto = mobile()
    kill(proto, "node_conv4", range(10), bias=-1.0)
    _, removed = both(proto, tmp_path)
    assert any("9 of 10 channels" in text for text in removed.quantized.removed_text)


def test_through_a_reshape_of_an_image(tmp_path: Path) -> None:
    """A channel is many inputs of the product behind a flatten."""
    b = Builder((1, 3, 12, 12))
    x = b.node("Relu", b.conv("x", 3, 6))
    x = b.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    shape = b.constant(np.array([1, -1], np.int64))
    proto = b.model(b.gemm(b.node("Reshape", x, shape), 216, 4))
    kill(proto, "node_conv0", [0, 4], bias=0.3)
    kept, removed = both(proto, tmp_path)
    assert kept.plan.macs - removed.plan.macs == 2 * 144 * 27 + 2 * 36 * 4


@pytest.mark.sweep
@given(draw=st.data())
@settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_any_pattern(draw: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    proto = mobile(draw.draw(st.integers(0, 5)))
    for node, size in (("node_conv0", 8), ("node_conv2", 8), ("node_conv4", 10), ("node_conv6", 10), ("node_conv8", 6)):
        channels = draw.draw(st.lists(st.integers(0, size - 1), max_size=size))
        kill(proto, node, channels, bias=draw.draw(st.sampled_from([None, -1.0, 0.0, 0.4])))
    both(proto, tmp_path_factory.mktemp("any"), **draw.draw(st.sampled_from(OPTIONS)))
