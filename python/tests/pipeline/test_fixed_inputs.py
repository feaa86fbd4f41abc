# SPDX-License-Identifier: CC0-1.0
"""Inputs that are made constants, and the branches that they decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import compiled, constant, dense, join, model, node, normal

from espdl.errors import EspdlError
from espdl.verify import reference, samples

DATA = {"x": normal(32, 8, seed=5)}


def network() -> onnx.ModelProto:
    """Two heads, of which the sample rate chooses one, and a state that is added."""
    heads = []
    for name, seed in (("slow", 3), ("fast", 4)):
        nodes, constants = dense("x", name, 8, 4, seed=seed)
        heads.append(helper.make_graph(nodes, name, [], [onnx.ValueInfoProto(name=name)], constants))
    nodes = [
        node("Equal", ["sr", "rate"], ["is_fast"], "compare"),
        node("If", ["is_fast"], ["h"], "choose", then_branch=heads[1], else_branch=heads[0]),
        node("Add", ["h", "state"], ["y"], "add"),
    ]
    ports = [("x", [1, 8]), ("sr", [], TensorProto.INT64), ("state", [None, 4])]
    return model(nodes, ports, [("y", [1, 4])], [constant("rate", 16000, np.int64)])


@pytest.mark.parametrize(("rate", "seed"), [(16000.0, 4), (8000.0, 3)])
@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_the_branch_that_an_input_decides(rate: float, seed: int, precision: str, tmp_path: Path) -> None:
    made = compiled(network(), DATA, tmp_path, input={"sr": (rate,), "state": (0.5,)}, precision=precision)
    assert [p.name for p in made.plan.inputs] == ["x"]
    _, (weights, bias) = join(dense("x", "h", 8, 4, seed=seed))
    tensors = samples.to_tensors(made.plan, DATA)
    got = [reference.run(made.plan, {"x": row})[made.plan.outputs[0].tensor] for row in tensors["x"]]
    real = samples.to_float(made.plan, {"y": np.stack(got)})["y"].reshape(-1, 4)
    wanted = DATA["x"] @ onnx.numpy_helper.to_array(weights).T + onnx.numpy_helper.to_array(bias) + 0.5
    np.testing.assert_allclose(real, wanted, atol=0.1 if precision == "int8" else 1e-5)


def test_without_the_value_it_is_refused_with_the_way_out(tmp_path: Path) -> None:
    data = {**DATA, "sr": np.full(32, 16000), "state": normal(32, 4)}
    with pytest.raises(EspdlError, match=r"node \'choose\' \(If\).*\n.*--input NAME=16000"):
        compiled(network(), data, tmp_path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rate_": (1.0,)}, "the model has no such input"),
        ({"state": (1.0, 2.0)}, "2 numbers, and the input the shape"),
        ({"sr": (0.5,)}, "0.5 is no int64"),
    ],
)
def test_values_that_do_not_fit(values: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(EspdlError, match=words):
        compiled(network(), DATA, tmp_path, input=values)
