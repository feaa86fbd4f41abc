# SPDX-License-Identifier: Apache-2.0
"""Shapes of the weights of recurrent layers: ONNX's checker and shape inference say nothing about them."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import helper

from espdl.errors import EspdlError

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first LSTM, GRU or RNN whose weights do not fit its size and its input."""
    if not any(node.op_type in GATES for node in proto.graph.node):
        return
    shapes = _shapes(proto)
    for node in proto.graph.node:
        for name, given, wanted in _weights(node, shapes) if node.op_type in GATES else ():
            if given is not None and not _fits(given, wanted):
                needed = ", ".join("?" if size is None else str(size) for size in wanted)
                raise EspdlError.at(
                    label,
                    node,
                    f"its input {name} has the shape {list(given)}; hidden_size, direction and data need [{needed}]",
                    "export the model again; gates lie one behind the other, each direction has weights of its own",
                )


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w in (None, g) for g, w in zip(given, wanted))


def _weights(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> list[tuple]:
    """(name in ONNX, shape, shape that it must have, None for a size that is not known) of W, R and B."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    x, w, r, b = (shapes.get(name) for name in (*node.input[:4], *[""] * 4)[:4])
    hidden = attributes.get("hidden_size") or (r[-1] if r else None)
    if hidden is None:
        return []
    directions = 2 if attributes.get("direction") == b"bidirectional" else 1
    rows = GATES[node.op_type] * hidden
    return [
        ("W", w, (directions, rows, x[-1] if x else None)),
        ("R", r, (directions, rows, hidden)),
        ("B", b, (directions, 2 * rows)),
    ]


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The static shapes that are known."""
    try:
        graph = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    except Exception:  # whatever is wrong is told by those who need the shapes
        graph = proto.graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(d.dim_value for d in dims)
    return shapes
