# SPDX-License-Identifier: CC0-1.0
"""NonMaxSuppression of a fixed size against ONNX Runtime's, and through the whole compiler."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from small_models import by_onnxruntime, compiled, constant, conv, join, model, node, normal

from espdl.errors import EspdlError
from espdl.frontend import load, non_max_suppression
from espdl.quantize import integer_boxes
from espdl.quantize.edit import Edit
from espdl.verify import reference, samples


def suppression(
    boxes: list[int], classes: int, most: int, overlap: float, least: float | None, centre: int
) -> onnx.ModelProto:
    names = ["boxes", "scores", "most", "overlap", *(["least"] if least is not None else [])]
    made = node("NonMaxSuppression", names, ["selected"], "nms", center_point_box=centre)
    constants = [constant("most", [most], np.int64), constant("overlap", [overlap])]
    constants += [constant("least", [least])] if least is not None else []
    inputs = [("boxes", [boxes[0], boxes[1], 4]), ("scores", [boxes[0], classes, boxes[1]])]
    return model([made], inputs, [("selected", ["n", 3], TensorProto.INT64)], constants)


@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 9)),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.sampled_from([None, 0.4, 2.0]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_selects_what_onnxruntime_selects(
    sizes: tuple, most: int, overlap: float, least: float | None, centre: bool, seed: int
) -> None:
    batch, classes, count = sizes
    proto = suppression([batch, count], classes, most, overlap, least, int(centre))
    random = np.random.default_rng(seed)
    boxes = random.uniform(0, 4, (batch, count, 4)).astype(np.float32)
    scores = random.uniform(0, 1, (batch, classes, count)).astype(np.float32)
    data = {"boxes": boxes[np.newaxis], "scores": scores[np.newaxis]}
    exact = by_onnxruntime(proto, data)["selected"][0]
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    fixed = onnx.shape_inference.infer_shapes(non_max_suppression.expand(inferred, "m"), data_prop=True)
    assert [d.dim_value for d in fixed.graph.output[0].type.tensor_type.shape.dim] == [
        batch * classes * min(most, count),
        3,
    ]
    made = by_onnxruntime(fixed, data)
    assert int(made["selected_count"][0, 0]) == len(exact)
    assert np.array_equal(made["selected"][0][: len(exact)], exact)
    assert (made["selected"][0][len(exact) :] == -1).all()


@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 9)),
    st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]),
    st.sampled_from([None, -1.0]),
    st.booleans(),
    st.sampled_from(["int8", "int16"]),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_integers_select_the_same(
    sizes: tuple, overlap: float, least: float | None, centre: bool, dtype: str, seed: int
) -> None:
    """On a grid as coarse as that of ties: nothing that ONNX Runtime computes of it in floats is rounded."""
    batch, classes, count = sizes
    random = np.random.default_rng(seed)
    zero = int(random.integers(-9, 9)) if dtype == "int8" else 0
    boxes = random.integers(0, 24, (batch, count, 4)) + zero
    scores = random.permuted(np.tile(np.arange(count) - count // 2, (batch, classes, 1)), axis=2)
    named = {"boxes_q": boxes.astype(dtype), "scores_q": scores.astype(dtype)}
    proto = suppression([batch, count], classes, 6, overlap, least, int(centre))
    floats = {"boxes": (boxes - zero).astype(np.float32) / 4, "scores": scores.astype(np.float32)}
    exact = by_onnxruntime(proto, {name: value[np.newaxis] for name, value in floats.items()})["selected"][0]
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    fixed = onnx.shape_inference.infer_shapes(non_max_suppression.expand(inferred, "m"), data_prop=True)
    with_integers = integer_boxes.apply(dequantized(fixed, {"boxes": (0.25, zero), "scores": (1.0, 0)}, dtype))
    operators = {n.name: n for n in with_integers.graph.node}
    types = {v.name: v.type.tensor_type.elem_type for v in with_integers.graph.value_info}
    assert {types[n.input[0]] for n in operators.values() if n.op_type in ("ArgMax", "Min", "Max")}.isdisjoint(
        {TensorProto.FLOAT}
    )
    made = by_onnxruntime(with_integers, {name: value[np.newaxis] for name, value in named.items()})
    assert int(made["selected_count"][0, 0]) == len(exact)
    assert np.array_equal(made["selected"][0][: len(exact)], exact)


def dequantized(proto: onnx.ModelProto, scales: dict[str, tuple[float, int]], dtype: str) -> onnx.ModelProto:
    """The model on inputs of integers."""
    edit = Edit(proto)
    for port in edit.proto.graph.input:
        scale, zero = scales[port.name]
        parts = [
            edit.constant(f"{port.name}_scale", np.float32(scale)),
            edit.constant(f"{port.name}_zero_point", np.array(zero, dtype)),
        ]
        edit.node("DequantizeLinear", [f"{port.name}_q", *parts], port.name)
    edit.nodes += proto.graph.node
    result = edit.finish()
    result.opset_import[0].version = 21  # the first with int16
    for port in result.graph.input:
        result.graph.value_info.append(port)
        port.name, port.type.tensor_type.elem_type = f"{port.name}_q", getattr(TensorProto, dtype.upper())
    return result


def detector(most: int = 4) -> onnx.ModelProto:
    nodes, constants = join(
        conv("x", "a", 3, 12, (3, 3), pads=[1] * 4, strides=[2, 2]),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "head", 12, 5, (3, 3), pads=[1] * 4, seed=8),
        node("Reshape", ["head", "flat"], ["f"], "flat"),
        node("Split", ["f", "parts"], ["four", "logit"], "split", axis=1),
        node("Sigmoid", ["logit"], ["scores"], "scores"),
        node("Transpose", ["four"], ["boxes"], "boxes", perm=[0, 2, 1]),
        node("NonMaxSuppression", ["boxes", "scores", "most", "half", "half"], ["selected"], "nms"),
        node("Gather", ["selected", "two"], ["index"], "index", axis=1),
        node("Gather", ["boxes", "index"], ["best"], "best", axis=1),
    )
    constants += [
        constant("flat", [1, 5, 25], np.int64), constant("parts", [4, 1], np.int64), constant("half", [0.5]),
        constant("most", [most], np.int64), constant("two", 2, np.int64),
    ]  # fmt: skip
    return model(nodes, [("x", [1, 3, 10, 10])], [("best", [1, "n", 4])], constants, opset=18)


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}], ids=str)
@pytest.mark.slow
def test_through_the_compiler(options: dict[str, str], tmp_path: Path) -> None:
    """Boxes of the largest size and their number; nothing runs in floats."""
    data = {"x": normal(24, 3, 10, 10)}
    made = compiled(detector(), data, tmp_path, **options)
    shapes = {port.name: made.plan.tensor(port.tensor).shape for port in made.plan.outputs}
    assert shapes == {"best": (1, 4, 4), "selected_count": (1,)}
    assert any("conv2d" in call.function and call.function.startswith("espdl_") for call in made.plan.calls)
    assert "float32" not in {made.plan.tensor(name).dtype for call in made.plan.calls for name in call.outputs}
    exact = by_onnxruntime(load(tmp_path / "net.onnx").proto, data)
    tensors = samples.to_tensors(made.plan, data)
    runs = [reference.run(made.plan, {"x": values}) for values in tensors["x"]]
    got = samples.to_float(made.plan, {p.name: np.stack([r[p.tensor] for r in runs]) for p in made.plan.outputs})
    same = got["selected_count"].reshape(-1) == exact["selected_count"].reshape(-1)
    assert same.mean() > 0.7
    first = np.abs(got["best"].reshape(exact["best"].shape) - exact["best"])[:, 0, 0].max(axis=-1)
    assert np.median(first) < 0.1


def test_too_many(tmp_path: Path) -> None:
    with pytest.raises(EspdlError, match="node 'nms' .*selects up to 25 boxes.* takes 1 to 20") as raised:
        non_max_suppression._MOST, before = 20, non_max_suppression._MOST
        try:
            compiled(detector(100), {"x": normal(4, 3, 10, 10)}, tmp_path)
        finally:
            non_max_suppression._MOST = before
    assert "Remedy" in raised.value.text
