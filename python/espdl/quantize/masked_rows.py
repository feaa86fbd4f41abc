# SPDX-License-Identifier: Apache-2.0
"""Rows of which a mask of minus infinity leaves nothing: their softmax is NaN in floats, and cannot be in integers.

Some models look for NaN after the softmax. In integers such a row is one whose scores are all at their floor.
"""

from __future__ import annotations

import numpy as np
import onnx

from espdl.errors import EspdlError
from espdl.quantize.edit import Edit
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


def found_by_floor(proto: onnx.ModelProto, floors: Floors) -> onnx.ModelProto:
    """The model where IsNaN of the softmax of masked scores compares the largest score of each row with their floor."""
    graph, edit = Graph(proto), Edit(proto)
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    for node in proto.graph.node:
        softmax = _guarded(graph, node)
        if softmax is None or softmax.input[0] not in floors.required:
            edit.nodes.append(node)
            continue
        scores, axis, result = softmax.input[0], int(attribute(softmax, "axis", -1)), node.output[0]
        largest = edit.names.unique(f"{result}/largest")
        limit = edit.constant(f"{result}/limit", np.float32(floors.tensors[scores] + _ABOVE))
        if opset >= 18:
            edit.node("ReduceMax", [scores, edit.constant(f"{result}/axes", np.array([axis]))], largest, keepdims=1)
        else:
            edit.node("ReduceMax", [scores], largest, keepdims=1, axes=[axis])
        edit.node("Less", [largest, limit], result, name=node.name)
        floors.tensors[largest] = floors.tensors[scores]
        floors.required.add(largest)
        declared = [v for v in edit.proto.graph.value_info if v.name != result]
        del edit.proto.graph.value_info[:]
        edit.proto.graph.value_info.extend(declared)
    return edit.finish()


def _guarded(graph: Graph, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The softmax whose result an IsNaN looks at, where one answer per row serves its consumers as well."""
    producer = graph.producer.get(node.input[0]) if node.op_type == "IsNaN" else None
    if producer is None or producer.op_type != "Softmax" or node.output[0] in graph.outputs:
        return None
    return producer if all(r.op_type in ("Where", "Not") for r in graph.consumers.get(node.output[0], [])) else None
