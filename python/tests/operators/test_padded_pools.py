# SPDX-License-Identifier: CC0-1.0
"""Pad with minus infinity before a maximum: the pool's own border where it can be, else the least of the data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_models import by_onnxruntime, constant, conv, ints, join, model, node, normal, outcome

from espdl import frontend
from espdl.quantize.preprocess import preprocess

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "60"))


@st.composite
def pools(draw) -> tuple[onnx.ModelProto, bool]:
    """A Pad and a MaxPool with random attributes, and whether the pool may have the border."""
    axes = draw(st.integers(1, 2))
    size = [draw(st.integers(5, 9)) for _ in range(axes)]
    kernel = [draw(st.integers(2, 3)) for _ in range(axes)]
    pads = [draw(st.integers(0, 2)) for _ in range(2 * axes)]
    attributes = {"kernel_shape": kernel, "strides": [draw(st.integers(1, 3)) for _ in range(axes)]}
    attributes |= {"ceil_mode": draw(st.integers(0, 1)), "dilations": [draw(st.integers(1, 2)) for _ in range(axes)]}
    own = draw(st.sampled_from(["none", "pads", "valid"]))
    if own == "pads":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in kernel * 2]
    elif own == "valid":
        attributes |= {"auto_pad": "VALID", "ceil_mode": 0}
    fill = draw(st.sampled_from([-np.inf, float(np.finfo(np.float32).min)]))
    names = ["x", "pads", "fill"]
    constants = [ints("pads", 0, 0, *pads[:axes], 0, 0, *pads[axes:]), constant("fill", fill)]
    if draw(st.booleans()):
        names, constants[0] = [*names, "axes"], ints("pads", *pads)
        constants.append(ints("axes", *(a - axes for a in range(axes))))
    nodes = [node("Pad", names, ["p"], "pad"), node("MaxPool", ["p"], ["y"], "pool", **attributes)]
    proto = model(nodes, [("x", [1, 2, *size])], [("y", None)], constants, opset=18)
    total = [a + b for a, b in zip(pads, attributes.get("pads", [0] * 2 * axes))]
    return proto, all(t < k for t, k in zip(total, kernel * 2)) and not attributes["ceil_mode"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(pools())
def test_the_border_is_the_pools(drawn) -> None:
    proto, foldable = drawn
    x = normal(1, *(d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim))
    try:
        expected = by_onnxruntime(proto, {"x": x})["y"]
    except Exception:  # a window larger than the picture
        assume(False)
    ports = (frontend.loader.ValueInfo("x", x.shape[1:], "float32"),)
    result = preprocess(frontend.Model(proto, "pool", ports, ()))
    assert not (foldable and "Pad" in {n.op_type for n in result.graph.node})
    # Of a window that sees nothing, ONNX Runtime gives minus infinity or the least float.
    got, expected = (np.maximum(y, np.finfo(np.float32).min) for y in (by_onnxruntime(result, {"x": x})["y"], expected))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("pads", "fill", "options", "least"),
    [
        ((1, 1, 1, 1), -np.inf, {"scheme": "affine"}, 30.0),
        ((0, 1, 1, 0), -1e9, {"chip": "esp32s3"}, 25.0),
        ((1, 1, 1, 1), -1e4, {"precision": "int16x8"}, 35.0),
        ((2, 2, 2, 2), -np.inf, {"precision": "float32"}, 100.0),
    ],
)
def test_fills_take_no_steps(pads: tuple[int, ...], fill: float, options: dict[str, str], least: float, tmp_path: Path):
    nodes, constants = join(
        conv("x", "c", 3, 8, (3, 3), pads=[1] * 4),
        node("Pad", ["c", "pads", "fill"], ["p"], "pad"),
        node("MaxPool", ["p"], ["m"], "pool", kernel_shape=[3, 3], strides=[2, 2]),
        conv("m", "y", 8, 4, (1, 1), seed=8),
    )
    constants += [ints("pads", 0, 0, *pads[:2], 0, 0, *pads[2:]), constant("fill", fill)]
    proto = model(nodes, [("x", [1, 3, 8, 8])], [("y", [1, 4, None, None])], constants)
    assert outcome(proto, {"x": normal(48, 3, 8, 8, seed=5)}, tmp_path, **options).sqnr >= least
