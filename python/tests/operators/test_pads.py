# SPDX-License-Identifier: CC0-1.0
"""Pad: its fill is a number of the tensor, whatever its integers are; any mode, widths that crop among them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import small_models as small
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

# Random models of each property; ESPDL_TEST_EXAMPLES=2000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "6"))
examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # an example takes too long for a search for a smaller one
)
WAYS = ({}, {"chip": "esp32s3"}, {"precision": "int16x8"}, {"precision": "float32"}, {"io": "uint8"})
SHAPE = [1, 3, 4, 6]


@st.composite
def pads(draw: st.DrawFn) -> tuple[list[int], list[int], str]:
    """Widths, the shape that they make of SHAPE, and a mode for them. A reflection is smaller than its axis."""
    before, after = ([0, *draw(st.lists(st.integers(-1, 2), min_size=3, max_size=3))] for _ in range(2))
    shape = [size + b + a for size, b, a in zip(SHAPE, before, after)]
    modes = ["constant", "constant", "edge", "reflect"]
    if min(before + after) >= 0:  # ONNX Runtime's wrap does not crop
        modes.append("wrap")
    modes = modes[:3] if SHAPE[1] + min(before[1], 0) + min(after[1], 0) < 3 else modes
    return [*before, *after], shape, draw(st.sampled_from(modes))


def pad(source: str, target: str, widths: list[int], mode: str, fill) -> tuple[list, list]:
    given = [source, "pads"] + (["fill"] if fill is not None and mode == "constant" else [])
    constants = [small.ints("pads", *widths)]
    if fill is not None:
        constants.append(numpy_helper.from_array(np.asarray(fill), "fill"))
    return [small.node("Pad", given, [target], "pad", mode=mode)], constants


@examples
@given(made=pads(), fill=st.sampled_from([None, 2.0, -1.3, 0.01]), ways=st.sampled_from(WAYS))
def test_as_onnxruntime(made, fill, ways, tmp_path_factory: pytest.TempPathFactory) -> None:
    widths, shape, mode = made
    fill = None if fill is None else np.float32(fill)
    nodes, constants = small.join(pad("x", "b", widths, mode, fill), small.node("Neg", ["b"], ["y"], "neg"))
    proto = small.model(nodes, [("x", SHAPE)], [("y", shape)], constants, opset=19)
    data = {"x": small.normal(12, *SHAPE[1:])}
    compilation = small.compiled(proto, data, tmp_path_factory.mktemp("pad"), **ways)
    assert small.steps_off(compilation, data) <= 1


@examples
@given(
    made=pads(),
    dtype=st.sampled_from(["uint8", "int8"]),
    fill=st.sampled_from([None, 0, 100, 127, 200]),
    zero_point=st.sampled_from([0, 90]),
)
def test_of_integers(made, dtype: str, fill, zero_point: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a quantised model the fill is an integer, 0 where it is left out, and not the value 0."""
    widths, shape, mode = made
    fill = None if fill is None else np.array(min(fill, np.iinfo(dtype).max), dtype)
    padded, constants = pad("q", "b", widths, mode, fill)
    scale = ["scale", "zero_point"]
    nodes = [
        small.node("QuantizeLinear", ["x", *scale], ["q"], "quantise"),
        *padded,
        small.node("MaxPool", ["b"], ["m"], "most", kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
        small.node("DequantizeLinear", ["m", *scale], ["y"], "dequantise"),
    ]
    constants += [small.constant("scale", 0.02), small.constant("zero_point", zero_point, dtype)]
    proto = small.model(nodes, [("x", SHAPE)], [("y", shape)], constants, opset=19)
    data = {"x": small.normal(12, *SHAPE[1:])}
    compilation = small.compiled(proto, None, tmp_path_factory.mktemp("pad"))
    (port,) = compilation.plan.outputs
    step = compilation.plan.tensor(port.tensor).scale
    exact = small.by_onnxruntime(proto, data)["y"]
    assert small.steps_off(compilation, data) == 0
    signed = small.by_onnxruntime(compilation.quantized.proto, data)["y"]
    assert np.array_equal(np.rint(exact / step), np.rint(signed / step))


@pytest.mark.parametrize(("fill", "least"), [(2.0, 40), (-1.3, 40), (None, 41)])
def test_between_convolutions_of_16_bits(fill: float | None, least: float, tmp_path: Path) -> None:
    nodes, constants = small.join(
        small.conv("x", "a", 3, 4, (3, 3), pads=[1] * 4),
        pad("a", "b", [0, 0, 1, 1, 0, 0, 1, 1], "constant", None if fill is None else np.float32(fill)),
        small.conv("b", "y", 4, 4, (3, 3), seed=9),
    )
    proto = small.model(nodes, [("x", [1, 3, 8, 8])], [("y", [1, 4, 8, 8])], constants)
    data = {"x": small.normal(64, 3, 8, 8, seed=5)}
    assert small.outcome(proto, data, tmp_path, precision="int16x8").sqnr > least


def test_what_computes_with_unsigned_integers_still_gets_them(tmp_path: Path) -> None:
    """Moves do not see that uint8 became int8; a Cast to int32 would."""
    nodes = [
        small.node("QuantizeLinear", ["x", "scale", "zero_point"], ["q"], "quantise"),
        small.node("Clip", ["q", "least", "most"], ["c"], "clip"),
        small.node("Cast", ["c"], ["i"], "cast", to=6),
        small.node("DequantizeLinear", ["c", "scale", "zero_point"], ["y"], "dequantise"),
    ]
    constants = [small.constant("scale", 0.02), small.constant("zero_point", 90, np.uint8)]
    constants += [small.constant("least", 60, np.uint8), small.constant("most", 210, np.uint8)]
    proto = small.model(nodes, [("x", [1, 40])], [("y", [1, 40]), ("i", [1, 40], 6)], constants)
    data = {"x": small.normal(16, 40)}
    assert small.outcome(proto, data, tmp_path, carried=True).sqnr > 100
