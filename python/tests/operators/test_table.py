# SPDX-License-Identifier: CC0-1.0
"""The table of operators: docs/operators.md is what the code says, and a model's nodes are told one by one."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from espdl.cli import main

REPOSITORY = Path(__file__).resolve().parents[3]


def printed(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["ops", *arguments]) == 0
    return out.getvalue()


def test_the_page_is_up_to_date() -> None:
    assert (REPOSITORY / "docs" / "operators.md").read_text() == printed("--markdown"), "run `make docs`"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A kernel, a table, an alias, a fallback, and whatever the test puts last."""
    weights = np.linspace(-1, 1, 4 * 2 * 3 * 3, dtype=np.float32).reshape(4, 2, 3, 3)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["a"], ["b"], name="sigmoid"),
        helper.make_node("LRN", ["b"], ["c"], name="lrn", size=3),
        helper.make_node("Flatten", ["c"], ["y"], name="flatten"),
    ]
    constants = [numpy_helper.from_array(weights, "w")]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 2, 8, 8]), ("y", [1, 256]))]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], constants)
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def rows(text: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()[2:]]
    return {line[0]: line[1:] for line in lines}


def test_every_node_of_a_model(model: Path) -> None:
    found = rows(printed("--model", str(model)))
    assert {name: row[1] for name, row in found.items()} == {
        "conv": "kernel",
        "sigmoid": "table",
        "lrn": "TVM fallback",
        "flatten": "alias",
    }
    assert found["conv"][2].startswith("espdl_")


def test_a_refused_node_is_named_with_the_reason(model: Path) -> None:
    proto = onnx.load(model)
    proto.graph.node.append(helper.make_node("NonZero", ["y"], ["z"], name="places"))
    proto.graph.output.append(helper.make_tensor_value_info("z", TensorProto.INT64, [2, "n"]))
    onnx.save(proto, model)
    found = rows(printed("--model", str(model)))
    assert found["places"][:2] == ["NonZero", "refused"]
    assert "depends on the values" in found["places"][2]
