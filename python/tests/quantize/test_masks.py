# SPDX-License-Identifier: CC0-1.0
"""Masks before a softmax: they saturate, take no steps from the scores, and hide the same in integers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from small_models import by_onnxruntime, constant, ints, model, node, normal, outcome

from espdl.errors import EspdlError
from espdl.quantize import floors, saturate
from espdl.quantize.floors import SOFTMAX_STEPS

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "40"))
LEAST = float(np.finfo(np.float32).min)
FILLS = (-100.0, -1e4, -1e9, LEAST, -np.inf)


@st.composite
def masked(draw) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Scores, a mask by one of several ways, moves and factors, a softmax; and samples [N, ...]."""
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    heads, rows, columns, fill = draw(st.integers(1, 3)), draw(st.integers(1, 5)), 6, draw(st.sampled_from(FILLS))
    data = {"x": random.normal(size=(8, heads, rows, columns)).astype(np.float32) * draw(st.sampled_from([1, 3]))}
    shape = draw(st.sampled_from([(rows, columns), (1, 1, columns), (heads, rows, columns)]))
    seen = random.random(shape) > 0.4
    seen[..., 0], seen[..., 1] = True, False
    number = np.where(seen, random.normal(size=shape) * draw(st.integers(0, 1)), fill).astype(np.float32)
    way, inputs, constants = draw(st.sampled_from(["add", "where", "input", "truths"])), [], []
    nodes = [node("Where", ["seen", "x", "fill"], ["m"], "masked")]
    constants.append(constant("fill", fill))
    if way in ("add", "input"):
        nodes = [node("Add", ["x", "mask"][:: draw(st.sampled_from([1, -1]))], ["m"], "masked")]
    if way == "add":
        constants.append(constant("mask", number))
    elif way == "where":
        constants.append(constant("seen", seen, bool))
    else:
        name, kind = ("mask", TensorProto.FLOAT) if way == "input" else ("seen", TensorProto.BOOL)
        data[name] = np.stack([number if way == "input" else seen] * 8)
        inputs.append((name, shape, kind))
    for place, behind in enumerate(draw(st.lists(st.sampled_from(["Mul", "Div", "Transpose", "Reshape"]), max_size=2))):
        source, target = nodes[-1].output[0], f"m{place}"
        if behind == "Transpose":
            nodes.append(node(behind, [source], [target], target, perm=[0, 2, 1, 3]))
        else:
            operand = ints(f"c{place}", 1, -1, 1, columns) if behind == "Reshape" else constant(f"c{place}", 0.5)
            constants.append(operand)
            nodes.append(node(behind, [source, f"c{place}"], [target], target))
    nodes.append(node("Softmax", [nodes[-1].output[0]], ["y"], "softmax", axis=-1))
    proto = model(nodes, [("x", [1, heads, rows, columns]), *inputs], [("y", None)], constants)
    return onnx.shape_inference.infer_shapes(proto), data


@settings(max_examples=EXAMPLES, deadline=None)
@given(masked(), st.sampled_from(list(SOFTMAX_STEPS.values())))
def test_no_probability_changes_by_half_a_step(drawn, steps: int) -> None:
    proto, data = drawn
    rows = [{i.name: d[k].reshape(_shape(i)) for i, d in zip(proto.graph.input, data.values())} for k in range(8)]
    found = floors.measure(proto, rows, steps)
    result = saturate.apply(proto, found)
    expected, got = by_onnxruntime(proto, data)["y"], by_onnxruntime(result, data)["y"]
    assert np.abs(got - expected).max() <= 0.5 / steps
    # And no tensor behind the mask holds what no scale of integers would hold beside the scores.
    assert all(np.isfinite(floor) and floor > -400 for floor in found.tensors.values())
    assert "m" in found.required


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def attention(fill: float, mask: str = "constant") -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Scores that a layer computes, a mask, a product with values; `mask`: constant, an input or computed from one."""
    nodes = [node("MatMul", ["x", "w"], ["s"], "scores")]
    constants = [constant("w", normal(8, 8, scale=0.7)), constant("v", normal(8, 6, seed=2)), constant("fill", fill)]
    inputs, data, name = [], {"x": normal(64, 8, 8, seed=5)}, "mask"
    seen = np.random.default_rng(4).random((64, 8)) > 0.4
    seen[:, 0] = True
    if mask == "constant":
        constants.append(constant("mask", np.triu(np.full((8, 8), fill, np.float32), 1)))
    elif mask == "input":
        inputs, data["mask"] = [("mask", [1, 1, 8])], np.where(seen, 0, np.float32(fill))[:, np.newaxis]
    else:
        inputs, data["kept"], name = [("kept", [1, 8], TensorProto.INT64)], seen.astype(np.int64), "m2"
        nodes += [
            node("Cast", ["kept"], ["m0"], "cast", to=TensorProto.FLOAT),
            node("Sub", ["one", "m0"], ["m1"], "hidden"),
            node("Mul", ["m1", "fill"], ["m2"], "far"),
        ]
        constants.append(constant("one", 1.0))
    nodes += [
        node("Add", ["s", name], ["m"], "masked"),
        node("Softmax", ["m"], ["p"], "softmax", axis=-1),
        node("MatMul", ["p", "v"], ["y"], "mix"),
    ]
    return model(nodes, [("x", [1, 8, 8]), *inputs], [("y", [1, 8, 6])], constants), data


@pytest.mark.parametrize(
    ("fill", "mask", "options", "least"),
    [
        (-np.inf, "constant", {"scheme": "affine"}, 32.1),
        (-1e4, "constant", {"scheme": "affine", "calibration_method": "percentile"}, 32.1),
        (-1e9, "constant", {"chip": "esp32s3"}, 25.0),
        (-np.inf, "constant", {"precision": "int16x8"}, 37.3),
        (-np.inf, "constant", {"precision": "float32"}, 100.0),
        (-np.inf, "input", {"scheme": "affine"}, 30.0),
        (-1e9, "input", {"scheme": "power_of_two"}, 25.0),
        (LEAST, "computed", {"scheme": "affine"}, 30.0),
        (-1e4, "computed", {"scheme": "power_of_two"}, 25.0),
    ],
)
def test_scores_keep_their_steps(fill: float, mask: str, options: dict[str, str], least: float, tmp_path: Path) -> None:
    proto, data = attention(fill, mask)
    assert outcome(proto, data, tmp_path, **options).sqnr >= least


def test_a_mask_that_calibration_never_saw_still_masks(tmp_path: Path) -> None:
    for fill, mask in ((-np.inf, "input"), (-1e4, "computed")):
        proto, data = attention(fill, mask)
        calibration = {
            n: np.zeros_like(v) if n == "mask" else np.ones_like(v) if n == "kept" else v for n, v in data.items()
        }
        assert outcome(proto, calibration, tmp_path / mask, evaluation=data, scheme="affine").sqnr >= 25


def test_a_row_of_nothing_is_told(tmp_path: Path) -> None:
    proto, data = attention(-np.inf)
    mask = np.zeros((8, 8), np.float32)
    mask[3] = -np.inf
    proto.graph.initializer[-1].CopyFrom(constant("mask", mask))
    with pytest.raises(EspdlError, match="(?s)softmax.*masks a whole row.*-10000"):
        outcome(proto, data, tmp_path)


@pytest.mark.parametrize("precision", ["int8", "int16x8", "float32"])
def test_a_model_may_look_for_rows_of_nothing_itself(precision: str, tmp_path: Path) -> None:
    """As PyTorch exports it: where the softmax is NaN, zeros."""
    proto, data = attention(-np.inf, "input")
    data["mask"][::3] = -np.inf
    place = next(i for i, n in enumerate(proto.graph.node) if n.op_type == "Softmax")
    proto.graph.node[place].output[0] = "p0"
    guard = [helper.make_node("IsNaN", ["p0"], ["dead"]), helper.make_node("Where", ["dead", "zero", "p0"], ["p"])]
    for step in reversed(guard):
        proto.graph.node.insert(place + 1, step)
    proto.graph.initializer.append(constant("zero", 0.0))
    assert outcome(proto, data, tmp_path, precision=precision).sqnr >= 30


def test_infinity_that_is_no_mask_is_told(tmp_path: Path) -> None:
    proto = model([node("Relu", ["x"], ["y"], "relu")], [("x", [1, 4])], [("y", [1, 4])])
    data = {"x": normal(8, 4)}
    data["x"][2, 1] = -np.inf
    with pytest.raises(EspdlError, match="(?s)'x'.*sample 2.*no mask"):
        outcome(proto, data, tmp_path)
