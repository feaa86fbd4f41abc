# SPDX-License-Identifier: Apache-2.0
"""Rows of which a mask of minus infinity leaves nothing: their softmax is NaN in floats, and cannot be in integers.

Some models look for NaN after the softmax. In integers such a row is one whose scores are all at their floor.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.errors import EspdlError
from espdl.frontend.names import Names
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.types import Floors

# How far above the floor the largest score of a row is that counts: scores that do lie several times as far above it.
_ABOVE = 2.0


def check(graph: Graph, softmax: onnx.NodeProto, scores: np.ndarray, index: int) -> None:
    """Raises EspdlError for a softmax that gives NaN where nothing after it looks for that."""
    axis = int(attribute(softmax, "axis", -1))
    if not np.isneginf(scores.max(axis=axis, initial=-np.inf)).any():
        return
    if any(consumer.op_type == "IsNaN" for consumer in graph.consumers.get(softmax.output[0], [])):
        return
    raise EspdlError.at(
        "",
        softmax,
        f"its output is NaN for sample {index} of the calibration data, because minus infinity masks a whole row of its"
        f" input '{softmax.input[0]}'",
        "let every row see something (itself, for instance), or mask with -10000 in the place of minus infinity",
    )


def find_by_floor(proto: onnx.ModelProto, floors: Floors) -> None:
    """In place: IsNaN of the softmax of masked scores compares the largest score of each row with their floor."""
    graph, unique = Graph(proto), Names.of(proto).unique
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    ordered = []
    for node in proto.graph.node:
        softmax = _guarded(graph, node)
        if softmax is None or softmax.input[0] not in floors.required:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            ordered.append(copy)
            continue
        scores, axis, result = softmax.input[0], int(attribute(softmax, "axis", -1)), node.output[0]
        names = [unique(f"{result}/{what}") for what in ("largest", "limit", "axes")]
        limit = np.float32(floors.tensors[scores] + _ABOVE)
        proto.graph.initializer.append(numpy_helper.from_array(limit, names[1]))
        operands, attributes = [scores], {"axes": [axis]}
        if opset >= 18:
            proto.graph.initializer.append(numpy_helper.from_array(np.array([axis]), names[2]))
            operands, attributes = [scores, names[2]], {}
        ordered += [
            helper.make_node("ReduceMax", operands, names[:1], name=names[0], keepdims=1, **attributes),
            helper.make_node("Less", names[:2], [result], name=node.name),
        ]
        floors.tensors[names[0]] = floors.tensors[scores]
        floors.required.add(names[0])
        shapes = [v for v in proto.graph.value_info if v.name != result]
        del proto.graph.value_info[:]
        proto.graph.value_info.extend(shapes)
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)


def _guarded(graph: Graph, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The softmax whose result an IsNaN looks at, where one answer per row serves its consumers as well."""
    producer = graph.producer.get(node.input[0]) if node.op_type == "IsNaN" else None
    if producer is None or producer.op_type != "Softmax" or node.output[0] in graph.outputs:
        return None
    return producer if all(r.op_type in ("Where", "Not") for r in graph.consumers.get(node.output[0], [])) else None
