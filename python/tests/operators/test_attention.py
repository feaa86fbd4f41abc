# SPDX-License-Identifier: CC0-1.0
"""The operator Attention (ONNX 23 and later): taken apart it means what ONNX says, and it runs in integers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator
from small_models import by_onnxruntime, constant, model, node, normal, outcome

from espdl import frontend
from espdl.quantize.preprocess import preprocess

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "20"))


@st.composite
def attentions(draw) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A model of one Attention with random attributes, and values for its inputs."""
    seed = draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    batch, group, kv_heads = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rows, new, past = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.sampled_from([0, 0, 3]))
    width, depth, flat = draw(st.sampled_from([2, 4])), draw(st.sampled_from([3, 4])), draw(st.booleans())
    columns = past + new
    opset = draw(st.sampled_from([23, 24]))
    sizes = {"q": (group * kv_heads, rows, width), "k": (kv_heads, new, width), "v": (kv_heads, new, depth)}
    values = {
        n: random.normal(size=(batch, s[1], s[0] * s[2]) if flat else (batch, *s)).astype(np.float32)
        for n, s in sizes.items()
    }
    attributes = {"is_causal": draw(st.integers(0, 1)), "softcap": draw(st.sampled_from([0.0, 2.0]))}
    if flat:
        attributes |= {"q_num_heads": group * kv_heads, "kv_num_heads": kv_heads}
    if draw(st.booleans()):
        attributes["scale"] = 0.3
    names = ["q", "k", "v", "", "", "", ""]
    kind = draw(st.sampled_from(["none", "truth", "number"]))
    if kind != "none":
        # With causal order, onnx's evaluator takes a mask of one row for one that fits a single query.
        shapes = [
            (rows, columns),
            (1, 1, rows, columns),
            *([] if attributes["is_causal"] else [(batch, 1, 1, columns)]),
        ]
        shape = draw(st.sampled_from(shapes))
        seen = random.random(shape) > 0.3
        number = np.where(seen, random.normal(size=shape), -np.inf).astype(np.float32)
        names[3], values["mask"] = "mask", seen if kind == "truth" else number
    if past:
        names[4:6] = "past_k", "past_v"
        values["past_k"] = random.normal(size=(batch, kv_heads, past, width)).astype(np.float32)
        values["past_v"] = random.normal(size=(batch, kv_heads, past, depth)).astype(np.float32)
    elif opset == 24 and draw(st.booleans()):
        names[6], values["length"] = "length", random.integers(1, columns + 1, batch)
    # What mode 0 shows is the product itself; onnx's evaluator shows it bounded.
    attributes["qk_matmul_output_mode"] = draw(st.integers(1 if attributes["softcap"] else 0, 3))
    outputs = ["y", "present_k", "present_v", "steps"] if past else ["y"]
    fixed = [n for n in ("mask", "length") if n in values and draw(st.booleans())]
    types = {np.dtype(bool): TensorProto.BOOL, np.dtype(np.int64): TensorProto.INT64}
    inputs = [(n, v.shape, types.get(v.dtype, TensorProto.FLOAT)) for n, v in values.items() if n not in fixed]
    while not names[-1]:
        names.pop()
    proto = model(
        [node("Attention", names, outputs, "attention", **attributes)],
        inputs,
        [(n, None) for n in outputs],
        [constant(n, values[n], values[n].dtype) for n in fixed],
        opset=opset,
        ir=11,
    )
    return proto, {n: v for n, v in values.items() if n not in fixed}


@settings(max_examples=EXAMPLES, deadline=None)
@given(attentions())
def test_means_what_onnx_says(drawn) -> None:
    proto, values = drawn
    expected = ReferenceEvaluator(proto).run(None, values)
    ports = tuple(frontend.loader.ValueInfo(n, v.shape, str(v.dtype)) for n, v in values.items())
    taken_apart = preprocess(frontend.Model(proto, "attention", ports, ()))
    assert "Attention" not in {n.op_type for n in taken_apart.graph.node}
    got = by_onnxruntime(taken_apart, {n: v[np.newaxis] for n, v in values.items()})
    for wanted, result in zip(expected, got.values()):
        np.testing.assert_allclose(result[0], wanted, rtol=1e-4, atol=1e-5)


def network(kv_heads: int, mask: str, **attributes) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Projections, an Attention of four heads, a residual sum; `mask`: none, truth or number, an input."""
    names = ["q", "k", "v", *(["mask"] if mask != "none" else [])]
    widths = {"q": 16, "k": 4 * kv_heads, "v": 4 * kv_heads}
    nodes = [node("MatMul", ["x", f"w{n}"], [n], f"project_{n}") for n in "qkv"]
    nodes += [
        node("Attention", names, ["o"], "attention", q_num_heads=4, kv_num_heads=kv_heads, **attributes),
        node("Add", ["o", "x"], ["y"], "residual"),
    ]
    constants = [constant(f"w{n}", normal(16, w, seed=20 + i, scale=0.4)) for i, (n, w) in enumerate(widths.items())]
    kind = [] if mask == "none" else [("mask", [8, 8], TensorProto.BOOL if mask == "truth" else TensorProto.FLOAT)]
    proto = model(nodes, [("x", [1, 8, 16]), *kind], [("y", [1, 8, 16])], constants, opset=23, ir=11)
    data = {"x": normal(64, 8, 16, seed=5)}
    if mask != "none":
        seen = np.random.default_rng(3).random((64, 1, 8)) > 0.3
        seen = np.broadcast_to(seen | (np.arange(8) == 2), (64, 8, 8))
        data["mask"] = np.array(seen) if mask == "truth" else np.where(seen, np.float32(0), np.float32(-np.inf))
    return proto, data


@pytest.mark.parametrize(
    ("kv_heads", "mask", "causal", "options", "least"),
    [
        (4, "none", 1, {"scheme": "affine"}, 27.5),
        (2, "none", 1, {"scheme": "affine"}, 27.5),
        (1, "none", 0, {"chip": "esp32s3"}, 25.0),
        (4, "truth", 0, {"scheme": "affine"}, 27.5),
        (2, "number", 1, {"scheme": "power_of_two"}, 25.0),
        (4, "truth", 1, {"precision": "int16x8"}, 35.0),
    ],
)
def test_runs_in_integers(
    kv_heads: int, mask: str, causal: int, options: dict[str, str], least: float, tmp_path: Path
) -> None:
    proto, data = network(kv_heads, mask, is_causal=causal)
    made = outcome(proto, data, tmp_path, **options)
    assert made.sqnr >= least
    if "precision" not in options:
        assert not any(layer["dtype"] == "float32" for layer in made.layers)


def test_a_mix_of_values_has_room(tmp_path: Path) -> None:
    """Calibration sees few of the mixes that the values allow; the others clip no more."""
    shape = [1, 2, 5, 8]
    nodes = [node("Attention", ["q", "k", "v"], ["y"], "attention")]
    proto = model(nodes, [(n, shape) for n in "qkv"], [("y", shape)], opset=23, ir=11)
    data = {n: normal(64, 2, 5, 8, seed=i) for i, n in enumerate("qkv")}
    assert outcome(proto, data, tmp_path, scheme="affine").sqnr >= 32.1
