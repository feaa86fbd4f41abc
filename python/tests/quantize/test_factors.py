# SPDX-License-Identifier: CC0-1.0
"""Factors of tensors: constants carry them too, so that embeddings and sums with constants keep their accuracy."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from small_models import by_onnxruntime, compiled, constant, conv, dense, ints, join, model, node, normal, outcome, peer

from espdl.frontend.names import name_nodes
from espdl.quantize import biases
from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.placement import place
from espdl.quantize.ranges import observe
from espdl.quantize.refine import factors

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "25"))
SHAPE = (1, 4, 6, 6)
POINTS = {"linear": "half_pixel", "nearest": "asymmetric"}


def step(kind: str, source: str, target: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """One operator on a tensor of SHAPE whose result has that shape, with constants of its own."""
    names = [f"{target}_{i}" for i in range(3)]
    per_channel = constant(names[0], normal(4, 1, 1, seed=len(target), scale=0.5))
    if kind in ("Add", "Sub", "Max", "Min", "Mul", "Div", "PRelu"):
        away_from_zero = constant(names[0], np.float32([0.5, 1.5, -0.7, 2.0]).reshape(4, 1, 1))
        given = [per_channel if kind in ("Add", "Sub", "Max", "Min") else away_from_zero]
        inputs = [source, names[0]]
        if kind in ("Sub", "Max") and len(target) % 2:
            inputs.reverse()
        return [node(kind, inputs, [target])], given
    if kind == "number":
        return [node("Add", [source, names[0]], [target])], [constant(names[0], np.float32(0.3))]
    if kind == "Clip":
        return [node("Clip", [source, "", names[0]], [target])], [constant(names[0], np.float32(0.6))]
    if kind == "Concat":
        nodes = [node("Concat", [source, names[0]], [names[1]], axis=1)]
        nodes += [node("Slice", [names[1], "two", "six", "one"], [target])]
        return nodes, [constant(names[0], normal(1, 2, 6, 6, seed=5))]
    if kind == "Pad":
        nodes = [node("Pad", [source, names[0], names[1]], [names[2]])]
        nodes += [node("Slice", [names[2], "zero", "six", "two"], [target])]
        return nodes, [ints(names[0], 0, 0, 1, 0, 0, 0, 0, 0), constant(names[1], np.float32(-0.4))]
    if kind in POINTS:
        how = {"mode": kind, "coordinate_transformation_mode": POINTS[kind]}
        nodes = [node("Resize", [source, "", names[0]], [names[1]], **how)]
        nodes += [node("Slice", [names[1], "zero", "six", "two"], [target])]
        return nodes, [constant(names[0], [1, 1, 2, 1])]
    if kind == "SiLU":
        return [node("Sigmoid", [source], [names[0]]), node("Mul", [source, names[0]], [target])], []
    return [node(kind, [source], [target])], []


def graph_of(kinds: list[str]) -> onnx.ModelProto:
    """An embedding, the steps, a convolution, the steps again, a convolution."""
    parts = [node("Gather", ["table", "ids"], ["e"])]
    parts += [node("Reshape", ["e", "shape"], ["t"])]
    name = "t"
    for half in ("a", "b"):
        for kind in kinds:
            parts.append(step(kind, name, f"{name}{half}"))
            name += half
        parts.append(conv(name, f"{half}_layer", 4, 4, [1, 1], seed=ord(half)))
        name = f"{half}_layer"
    nodes, constants = join(*parts)
    constants += [constant("table", normal(9, 36)), ints("shape", *SHAPE)]
    constants += [ints("zero", 0), ints("one", 1), ints("two", 2), ints("six", 6)]
    return model(nodes, [("ids", [1, 4], TensorProto.INT64)], [(name, SHAPE)], constants)


def network(proto: onnx.ModelProto, data: np.ndarray) -> Network:
    named = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    name_nodes(named)
    simple = biases.complete(named)
    samples = [{"ids": row[np.newaxis]} for row in data]
    return Network.of(simple, observe(simple, place(Graph(simple)).quantized, samples))


KINDS = ["Add", "Sub", "Max", "Min", "Mul", "Div", "PRelu", "number", "Clip", "Concat", "Pad", "linear", "nearest",
         "SiLU", "Relu", "LeakyRelu", "Tanh", "Neg"]  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), st.integers(0, 9))
def test_factors_change_nothing_but_inner_tensors(kinds: list[str], seed: int) -> None:
    """Whatever lies between: every constant beside a tensor carries the factor that the tensor carries."""
    data = np.random.default_rng(0).integers(0, 9, (3, 4))
    net = network(graph_of(kinds), data)
    found = factors.groups(net.graph, net.placement)
    random = np.random.default_rng(seed)
    count = len(set(found.of.values()))
    chosen = [1.0 if g in found.pinned else float(random.uniform(0.3, 3)) for g in range(count)]
    folded = factors.fold(net, found, chosen)
    (exact,), (same,) = (by_onnxruntime(n.graph.proto, {"ids": data}).values() for n in (net, folded))
    np.testing.assert_allclose(same, exact, rtol=2e-3, atol=2e-5 * np.abs(exact).max())


def test_an_embedding_takes_a_factor_and_a_function_of_one_tensor_is_free() -> None:
    net = network(graph_of(["SiLU"]), np.arange(8).reshape(2, 4))
    found = factors.groups(net.graph, net.placement)
    assert found.of["e"] in found.pinned  # the sigmoid reads it
    assert not found.exact
    net = network(graph_of(["Add"]), np.arange(8).reshape(2, 4))
    found = factors.groups(net.graph, net.placement)
    assert found.of["e"] not in found.pinned
    assert not found.exact


def tokens(rows: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, rows, (64, length))


def embedding(*between: onnx.NodeProto) -> onnx.ModelProto:
    nodes, constants = join(
        node("Gather", ["table", "ids"], ["e"]),
        *between,
        node("ReduceMean", ["p" if between else "e"], ["m"], axes=[1], keepdims=0),
        dense("m", "h", 16, 24),
        node("Relu", ["h"], ["r"]),
        dense("r", "y", 24, 5),
    )
    constants += [constant("table", normal(32, 16)), constant("at", normal(1, 12, 16, seed=5))]
    return model(nodes, [("ids", [1, 12], TensorProto.INT64)], [("y", [1, 5])], constants)


@pytest.mark.parametrize(
    ("options", "between"),
    [({"chip": "esp32s3"}, ()), ({"scheme": "power_of_two"}, (node("Add", ["e", "at"], ["p"]),))],
)
def test_embeddings_keep_their_accuracy(options: dict, between: tuple, tmp_path: Path) -> None:
    proto, data = embedding(*between), {"ids": tokens(32, 12)}
    assert outcome(proto, data, tmp_path, **options).sqnr >= peer(proto, data) - 4


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}])
def test_a_table_is_stored_once_and_in_integers(options: dict, tmp_path: Path) -> None:
    """Two look-ups in one table, of rows that reach differently far, and the table as weights of a layer."""
    nodes, constants = join(
        node("Gather", ["table", "a"], ["e"]),
        node("Gather", ["table", "b"], ["f"]),
        node("Add", ["e", "f"], ["s"]),
        dense("s", "y", 64, 4),
    )
    nodes[-1] = node("MatMul", ["s", "y_weights"], ["y"])
    constants = [constant("y_weights", normal(64, 4, scale=0.1))]
    constants.append(constant("table", normal(100, 64) * np.linspace(0.1, 3, 100)[:, np.newaxis]))
    ports = [(name, [1, 3], TensorProto.INT64) for name in "ab"]
    proto = model(nodes, ports, [("y", [1, 3, 4])], constants)
    data = {"a": tokens(50, 3), "b": 50 + tokens(50, 3, seed=1)}
    found = compiled(proto, data, tmp_path, **options)
    width = 2 if options.get("precision") == "int16x8" else 1
    assert len(found.files["net_weights.bin"]) < width * 6400 + math.prod([64, 4]) + 2000
