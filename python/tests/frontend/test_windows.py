# SPDX-License-Identifier: CC0-1.0
"""Explicit pads mean what auto_pad, output_shape and ceil_mode meant to ONNX Runtime; onnx infers their true size."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from onnx import helper
from small_models import compiled, constant, conv, join, model, node, normal, outcome, steps_off

from espdl.errors import EspdlError
from espdl.frontend import refusals, sizes, windows

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "40"))
UP = {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER", "output_padding": [1]}
OTHER_SCHEMES = [{"scheme": "power_of_two"}, {"chip": "esp32s3"}, {"precision": "int16x8"}]
MODES = ("SAME_UPPER", "SAME_LOWER", "VALID", None)


@st.composite
def cases(draw) -> tuple[str, int, int, int, dict[str, Any]]:
    """Operator, opset, rank, size, attributes; one number stands for all axes."""
    operator = draw(st.sampled_from(["Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"]))
    rank, size = draw(st.integers(1, 2)), draw(st.integers(3, 9))
    opset = draw(st.sampled_from([13, 17, 19, 22]))
    attributes: dict[str, Any] = {
        "kernel_shape": [draw(st.integers(1, 4))] * rank,
        "strides": [draw(st.integers(1, 3))] * rank,
    }
    if operator in ("Conv", "ConvTranspose", "MaxPool") or opset >= 19:
        attributes["dilations"] = [draw(st.integers(1, 2))] * rank
    mode = draw(st.sampled_from(MODES))
    if mode is not None:
        attributes["auto_pad"] = mode
    else:
        attributes["pads"] = [draw(st.integers(0, 2))] * rank + [draw(st.integers(0, 2))] * rank
    if operator == "ConvTranspose":
        if draw(st.booleans()):
            attributes["output_padding"] = [draw(st.integers(0, 2))] * rank
        if mode is not None and draw(st.booleans()):
            attributes["output_shape"] = [size * attributes["strides"][0] + draw(st.integers(-2, 1))] * rank
    elif operator != "Conv" and (operator != "LpPool" or opset >= 18):
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    if operator == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    return operator, opset, rank, size, attributes


def made(operator: str, opset: int, rank: int, size: int, attributes: dict[str, Any]) -> onnx.ModelProto:
    weighted = operator in ("Conv", "ConvTranspose")
    weights = [constant("w", normal(1, 1, *attributes["kernel_shape"]))] if weighted else []
    layer = node(operator, ["x", "w"] if weighted else ["x"], ["y"], "layer", **attributes)
    return model([layer], [("x", [1, 1] + [size] * rank)], [("y", [1, 1] + [None] * rank)], weights, opset)


def run(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray | None:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(proto.SerializeToString(), options).run(None, {"x": x})[0]
    except Exception:  # attributes that ONNX Runtime refuses
        return None


@settings(max_examples=EXAMPLES, deadline=None)
@example(("AveragePool", 19, 2, 17, {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1] * 4, "ceil_mode": 1}))
@example(("MaxPool", 13, 2, 9, {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1}))
@example(
    ("ConvTranspose", 13, 1, 5, {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER", "output_padding": [1]})
)
@given(cases())
def test_the_same_answers_and_sizes(case: tuple[str, int, int, int, dict[str, Any]]) -> None:
    proto = made(*case)
    x = normal(1, 1, *[case[3]] * case[2])
    expected = run(proto, x)
    assume(expected is not None)
    proto = sizes.settle(proto)
    if windows.is_open(ir.from_proto(proto).graph[0]):
        assert case[4]["strides"][0] > case[4]["kernel_shape"][0]
        with pytest.raises(EspdlError, match="negative pads"):
            refusals.check(proto, "net")
        return
    got = run(proto, x)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    inferred = onnx.shape_inference.infer_shapes(proto).graph.output[0].type.tensor_type.shape
    assert tuple(d.dim_value for d in inferred.dim) == expected.shape


def test_a_chain_of_them() -> None:
    """What onnx infers behind the first is wrong for those behind it, and so is what would be made of it."""
    window = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1] * 4, "ceil_mode": 1}
    nodes = [node("AveragePool", [f"x{i}"], [f"x{i + 1}"], f"n{i}", **window) for i in range(3)]
    nodes.append(node("MaxPool", ["x3"], ["y"], "last", kernel_shape=[2, 2], auto_pad="SAME_LOWER", strides=[2, 2]))
    proto = model(nodes, [("x0", [1, 2, 17, 19])], [("y", [1, 2, None, None])], opset=19)
    x = normal(1, 2, 17, 19)
    expected = ort.InferenceSession(proto.SerializeToString()).run(None, {"x0": x})[0]
    proto = sizes.settle(proto)
    assert not any(helper.get_attribute_value(a) == b"SAME_LOWER" for n in proto.graph.node for a in n.attribute)
    np.testing.assert_array_equal(ort.InferenceSession(proto.SerializeToString()).run(None, {"x0": x})[0], expected)


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_in_integers(scheme: str, tmp_path: Path) -> None:
    """An average pool and a transposed convolution of sizes that onnx infers wrongly, in front of a layer."""
    window = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1] * 4, "ceil_mode": 1}
    up = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER", "output_padding": [1, 1]}
    nodes, constants = join(
        node("AveragePool", ["x"], ["p"], "pool", **window),
        node("ConvTranspose", ["p", "w"], ["u"], "up", **up),
        conv("u", "y", 4, 4, [3, 3], auto_pad="SAME_LOWER"),
    )
    constants.append(constant("w", normal(2, 4, 3, 3, scale=0.3)))
    proto = model(nodes, [("x", [1, 2, 9, 9])], [("y", [1, 4, None, None])], constants, opset=19)
    result = outcome(proto, {"x": normal(16, 2, 9, 9)}, tmp_path, scheme=scheme)
    assert result.sqnr > 28
    assert not result.in_float


@st.composite
def convolutions(draw) -> tuple[int, int, dict[str, Any]]:
    """Rank, group, attributes: a kernel, stride and dilation for every axis."""
    rank = draw(st.integers(1, 2))

    def each(largest: int) -> list[int]:
        return draw(st.lists(st.integers(1, largest), min_size=rank, max_size=rank))

    attributes = {"kernel_shape": each(5), "strides": each(3), "dilations": each(2)}
    return rank, draw(st.sampled_from([1, 2, 4])), {**attributes, "auto_pad": draw(st.sampled_from(MODES[:3]))}


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(convolutions(), st.lists(st.integers(9, 14), min_size=2, max_size=2), st.sampled_from([{}, *OTHER_SCHEMES]))
def test_convolutions_in_integers(case: tuple, image: list[int], options: dict[str, str]) -> None:
    rank, group, attributes = case
    nodes, constants = conv("x", "y", 4, 8, group=group, kernel=attributes.pop("kernel_shape"), **attributes)
    shape = [4, *image[:rank]]
    proto = model(nodes, [("x", [1, *shape])], [("y", [1, 8] + [None] * rank)], constants)
    settled = onnx.ModelProto.FromString(proto.SerializeToString())
    settled = sizes.settle(settled)
    assume(not windows.is_open(ir.from_proto(settled).graph[0]))  # refused, as the test above has it
    data = {"x": normal(24, *shape)}
    with tempfile.TemporaryDirectory() as folder:
        made = compiled(proto, data, Path(folder), **options)
    assert not [layer for layer in made.report["layers"] if layer["fallback"] or layer["dtype"] == "float32"]
    assert steps_off(made, {"x": data["x"][:4]}) <= 1
