# SPDX-License-Identifier: CC0-1.0
"""Tensors of any rank, any first dimension and no elements at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import random_ranks
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import compiled, constant, conv, dense, ints, join, model, node, normal, outcome, peer

from espdl import frontend
from espdl.errors import EspdlError
from espdl.graph.checks import check_not_empty
from espdl.graph.types import OperatorGraph
from espdl.plan.types import Tensor
from espdl.quantize import calibration
from espdl.quantize.samples import check_shape, expected
from espdl.verify import evaluation, reference, samples, vectors

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "12"))
# Options, and dB that a handful of roundings to 8 bits, 16 bits and float32 leave of any of these networks.
FORMS = [
    ({}, 12),
    ({"chip": "esp32s3"}, 8),
    ({"scheme": "power_of_two", "io": "float32"}, 8),
    ({"precision": "int16x8"}, 30),
    ({"precision": "float32"}, 90),
]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(FORMS), st.booleans())
def test_any_rank_and_first_dimension(seed: int, count: int, form: tuple[dict, float], empties: bool) -> None:
    proto, data = random_ranks.network(seed, count, empties)
    options, least = form
    with tempfile.TemporaryDirectory() as folder:
        given_data = {name: values[:8] for name, values in data.items()}
        assert outcome(proto, data, Path(folder), evaluation=given_data, effort="fast", **options).sqnr > least


def test_every_effort_knows_rank_0(tmp_path: Path) -> None:
    """A scalar between layers, where power_of_two measures what its rounding costs."""
    nodes, constants = join(
        dense("x", "h", 6, 6),
        node("ReduceMax", ["h"], ["m"], "max", keepdims=0),
        node("Sub", ["h", "m"], ["d"], "sub"),
        dense("d", "y", 6, 3, seed=9),
        node("ReduceMean", ["y"], ["z"], "mean", keepdims=0),
    )
    proto = model(nodes, [("x", [1, 6])], [("y", [1, 3]), ("z", [])], constants)
    data = {"x": normal(64, 6, seed=5)}
    others = peer(proto, data)
    for less, options in ((8, {"scheme": "power_of_two"}), (2, {"scheme": "affine", "effort": "best"})):
        assert outcome(proto, data, tmp_path, **options).sqnr > others - less, options


@pytest.mark.parametrize(
    ("held", "shape", "fits"),
    [
        ((9, 3, 4), (1, 3, 4), True),
        ((9, 1, 3, 4), (1, 3, 4), True),
        ((9, 6, 1, 3), (6, 1, 3), True),
        ((9, 1, 3), (6, 1, 3), False),
        ((6, 1, 3), (6, 1, 3), False),
        ((9, 2, 1, 8), (2, 1, 8), True),
        ((9,), (), True),
        ((9, 1), (), False),
        ((9,), (1,), True),
        ((9, 12), (1, 3, 4), False),
        ((), (1, 3, 4), False),
    ],
)
def test_rule_of_samples(held: tuple, shape: tuple, fits: bool) -> None:
    if fits:
        check_shape(held, shape, "data", "x")
    else:
        with pytest.raises(EspdlError, match=r"its shape for input 'x' is .* expected \[N"):
            check_shape(held, shape, "data", "x")


def test_what_is_expected() -> None:
    assert [expected(s) for s in ((1, 3, 4), (6, 1, 3), ())] == ["[N, 3, 4]", "[N, 6, 1, 3]", "[N]"]


def batch_of_4() -> onnx.ModelProto:
    nodes, constants = join(
        conv("x", "c", 3, 4, (3, 3), pads=[1] * 4),
        node("GlobalAveragePool", ["c"], ["g"], "pool"),
        node("Gather", ["state", "last"], ["s"], "gather", axis=0),
        node("Mul", ["g", "s"], ["y"], "mul"),
    )
    ports = [("x", [4, 3, 6, 6]), ("state", [2, 1, 1])]
    return model(nodes, ports, [("y", [4, 4, 1, 1])], [*constants, constant("last", 1, np.int64)])


def test_all_who_read_samples_follow_the_rule(tmp_path: Path) -> None:
    data = {"x": normal(12, 4, 3, 6, 6, seed=5), "state": normal(12, 2, 1, 1, seed=6)}
    made = compiled(batch_of_4(), data, tmp_path)
    path = tmp_path / "calib.npz"
    for read, sample in zip(data["x"], calibration.open(path, made.model)):
        np.testing.assert_array_equal(sample["x"], read)
    held = evaluation.load(path, made.model)
    np.testing.assert_array_equal(held.inputs["state"], data["state"])
    again = evaluation.of(made.options, None, 5)
    assert {n: a.shape for n, a in again.inputs.items()} == {"x": (5, 4, 3, 6, 6), "state": (5, 2, 1, 1)}
    tensors = samples.to_tensors(made.plan, data)
    value = reference.run(made.plan, {n: a[0] for n, a in tensors.items()})[made.plan.outputs[0].tensor]
    text = vectors.files_for(made, path)["net_test.c"].decode()
    listed = ", ".join(str(byte) for byte in np.ascontiguousarray(value).tobytes()[:8])
    assert listed in " ".join(text.split())


def test_an_output_without_elements_is_refused(tmp_path: Path) -> None:
    proto = model(
        [node("Slice", ["x", "five", "five"], ["nothing"], "cut"), node("Relu", ["nothing"], ["y"], "relu")],
        [("x", [8])],
        [("y", [0])],
        [ints("five", 5)],
    )
    with pytest.raises(EspdlError, match=r"output 'y': it has no elements: its shape is \[0\]"):
        compiled(proto, {"x": normal(8, 8)}, tmp_path)


def test_a_tensor_without_elements_does_not_pass(tmp_path: Path) -> None:
    graph = OperatorGraph((), (), (), (), (Tensor("nothing", (1, 0), "int8"),))
    with pytest.raises(EspdlError, match=r"tensor 'nothing': it has no elements: its shape is \[1, 0\]"):
        check_not_empty(graph, "net.onnx")


def test_updates_without_elements_change_nothing(tmp_path: Path) -> None:
    nodes = [
        node("Slice", ["x", "two", "two", "one"], ["none"], "cut"),
        node("Slice", ["places", "two", "two"], ["where"], "nowhere"),
        node("ScatterND", ["x", "where", "none_of"], ["s"], "scatter"),
        node("Reshape", ["none", "flat"], ["none_of"], "reshape"),
        node("Relu", ["s"], ["y"], "relu"),
    ]
    nodes = [nodes[i] for i in (0, 1, 3, 2, 4)]
    places = constant("places", np.zeros((3, 2)), np.int64)
    proto = model(nodes, [("x", [3, 4])], [("y", [3, 4])], [ints("one", 1), ints("two", 2), ints("flat", 0), places])
    proto.graph.node[2].attribute.append(onnx.helper.make_attribute("allowzero", 1))
    assert outcome(proto, {"x": normal(32, 3, 4)}, tmp_path, precision="float32").sqnr > 100
    assert [n.op_type for n in frontend.load(tmp_path / "net.onnx").proto.graph.node][-1] == "Relu"
