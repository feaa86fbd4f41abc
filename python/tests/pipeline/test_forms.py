# SPDX-License-Identifier: CC0-1.0
"""Valid files in rare forms compile like the same model in the usual one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from small_models import compiled, conv, dense, join, model, node, normal, outcome

from espdl import frontend

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "25"))
DATA = {"x": normal(16, 3, 6, 6, seed=5)}


def network(opset: int = 17, ir: int = 10) -> onnx.ModelProto:
    nodes, constants = join(
        conv("x", "c", 3, 4, (3, 3)),
        node("Relu", ["c"], ["r"], "relu"),
        node("Flatten", ["r"], ["f"], "flatten"),
        dense("f", "y", 64, 5),
    )
    return model(nodes, [("x", [1, 3, 6, 6])], [("y", [1, 5])], constants, opset, ir)


def old(ir: int) -> onnx.ModelProto:
    """As files were when initializers had to be inputs; before version 3 they told no opset."""
    proto = network(opset=8, ir=ir)
    proto.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in proto.graph.initializer
    )
    return proto


def one_name() -> onnx.ModelProto:
    proto = network()
    for made in proto.graph.node:
        made.name = "layer"
    return proto


def unread() -> onnx.ModelProto:
    """Text, an If and a NonZero that no output needs."""
    proto = network()
    proto.graph.initializer.append(helper.make_tensor("labels", TensorProto.STRING, [2], [b"yes", b"no"]))
    proto.graph.node.append(node("Constant", [], ["names"], value_strings=["yes", "no"]))
    proto.graph.node.append(node("NonZero", ["r"], ["places"]))
    branch = helper.make_graph([node("Neg", ["r"], ["n"])], "branch", [], [onnx.ValueInfoProto(name="n")])
    proto.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [1]))
    proto.graph.node.append(node("If", ["yes"], ["either"], then_branch=branch, else_branch=branch))
    return proto


def sparse() -> onnx.ModelProto:
    """Weights and bias of its dense layer as places and values: with an index per axis, and with one for all axes."""
    proto = network()
    held = {t.name: t for t in proto.graph.initializer}
    gemm = next(n for n in proto.graph.node if n.op_type == "Gemm")
    weights, bias = (onnx.numpy_helper.to_array(held[name]) for name in gemm.input[1:])
    for name in gemm.input[1:]:
        proto.graph.initializer.remove(held[name])
    proto.graph.sparse_initializer.append(_sparse(weights, np.argwhere(weights), gemm.input[1]))
    value = _sparse(bias, np.flatnonzero(bias), "")
    proto.graph.node.insert(0, node("Constant", [], [gemm.input[2]], sparse_value=value))
    return proto


def _sparse(dense: np.ndarray, places: np.ndarray, name: str) -> onnx.SparseTensorProto:
    values = onnx.numpy_helper.from_array(dense[dense != 0], name)
    return helper.make_sparse_tensor(values, onnx.numpy_helper.from_array(places), dense.shape)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> list[tuple]:
    return layers(network(), tmp_path_factory.mktemp("usual"))


def layers(proto: onnx.ModelProto, folder: Path) -> list[tuple]:
    calls = compiled(proto, DATA, folder, effort="fast").plan.calls
    return [(c.function, c.macs, repr(c.params)) for c in calls]


@pytest.mark.parametrize(
    "make", [lambda: old(3), one_name, unread, sparse], ids=["ir 3", "equal names", "unread", "sparse"]
)
def test_rare_form(make, usual: list[tuple], tmp_path: Path) -> None:
    assert layers(make(), tmp_path) == usual


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    onnx.save(one_name(), tmp_path / "net.onnx")
    names = [n.name for n in frontend.load(tmp_path / "net.onnx").proto.graph.node]
    assert names == ["layer", "layer_2", "layer_3", "layer_4"]


DIMENSIONS = st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=0, max_size=5)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.sampled_from(["x", "c", "r", "f", "y"]), DIMENSIONS, min_size=1))
def test_stale_shapes_change_nothing(stale: dict[str, list]) -> None:
    """Whatever a file declares of its values, their shapes are what the inputs imply."""
    proto = network()
    for name, dims in stale.items():
        proto.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
    if "y" in stale:
        proto.graph.output[0].CopyFrom(proto.graph.value_info[-1 - list(reversed(stale)).index("y")])
    assert shapes(proto) == {"c": (1, 4, 4, 4), "r": (1, 4, 4, 4), "f": (1, 64), "y": (1, 5)}


def shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(proto, Path(folder) / "net.onnx")
        graph = frontend.load(Path(folder) / "net.onnx").proto.graph
    values = (*graph.value_info, *graph.output)
    return {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}


@pytest.mark.parametrize("options", [{"precision": "int16x8"}, {"int16": ("y_gemm",)}], ids=["all", "one layer"])
def test_stale_shapes_of_16_bits(options: dict, tmp_path: Path) -> None:
    """What onnx.utils.Extractor leaves: input and output among the inner values, with a free batch."""
    nodes, constants = join(dense("x", "h", 8, 6), node("Relu", ["h"], ["r"]), dense("r", "y", 6, 4, seed=9))
    proto = model(nodes, [("x", [None, 8])], [("y", [None, 4])], constants)
    proto.graph.value_info.extend([proto.graph.input[0], proto.graph.output[0]])
    for declared in (proto.graph.input[0], proto.graph.output[0]):
        declared.type.tensor_type.shape.dim[0].dim_value = 1
    data = {"x": normal(32, 8, seed=5)}
    got = outcome(proto, data, tmp_path, evaluation=data, **options)
    assert got.sqnr > 30
    assert sum(layer["macs"] for layer in got.layers) == 8 * 6 + 6 * 4
    assert all(np.prod(t.shape) > 0 for t in got.compilation.plan.tensors)
