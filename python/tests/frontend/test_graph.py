# SPDX-License-Identifier: Apache-2.0
"""Graphs that onnx-ir holds."""

from __future__ import annotations

import onnx_ir as ir
from onnx import helper
from small_models import constant, model

from espdl.frontend.graph import opened, remove_unused


def test_what_stays_keeps_its_attributes_and_outputs() -> None:
    nodes = [
        helper.make_node(
            "BatchNormalization", ["x", "one", "zero", "zero", "one"], ["y", "mean", "variance"], training_mode=1
        ),
        helper.make_node("Relu", ["x"], ["unread"]),
    ]
    shape = [2, 2, 3]
    constants = [constant("one", [1, 1]), constant("zero", [0, 0]), constant("nothing", [0])]
    graph = opened(model(nodes, [("x", shape)], [("y", shape)], constants, opset=15))
    remove_unused(graph.graph)
    (kept,) = ir.to_proto(graph).graph.node
    assert list(kept.output) == ["y", "mean", "variance"]
    assert [(a.name, a.i) for a in kept.attribute] == [("training_mode", 1)]
    assert set(graph.graph.initializers) == {"one", "zero"}
