# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers as a file has them: shapes that ONNX's checker does not look at, and the layout no runtime has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import helper

from espdl.errors import EspdlError
from espdl.frontend.names import Names

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
# What a transposition makes of an input or output of a layer that is batch first, by its index.
_INPUTS = {0: (1, 0, 2), 5: (1, 0, 2), 6: (1, 0, 2)}
_OUTPUTS = {0: (2, 0, 1, 3), 1: (1, 0, 2), 2: (1, 0, 2)}

Shapes = Mapping[str, "tuple[int, ...] | None"]


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first LSTM, GRU or RNN whose weights do not fit its size and its input."""
    if not any(node.op_type in GATES for node in proto.graph.node):
        return
    shapes = _shapes(proto)
    for node in proto.graph.node:
        wrong = misfit(node, shapes) if node.op_type in GATES else None
        if wrong is not None:
            raise EspdlError.at(
                label,
                node,
                wrong,
                "export the model again; gates lie one behind the other, each direction has weights of its own",
            )


def sequence_first(proto: onnx.ModelProto) -> None:
    """Makes, in place, every layer with layout 1 one with layout 0: ONNX Runtime runs no other."""
    if not any(node.op_type in GATES and _attributes(node).get("layout") for node in proto.graph.node):
        return
    names = Names.of(proto)
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        is_batch_first = node.op_type in GATES and _attributes(node).get("layout")
        nodes += _sequence_first(copy, names) if is_batch_first else [copy]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _sequence_first(node: onnx.NodeProto, names: Names) -> list[onnx.NodeProto]:
    """`node` between transpositions."""
    before, after = [], []
    for index, perm in _INPUTS.items():
        if index < len(node.input) and node.input[index]:
            name = names.unique(f"{node.input[index]}_sequence_first")
            before.append(helper.make_node("Transpose", [node.input[index]], [name], name, perm=perm))
            node.input[index] = name
    for index, perm in _OUTPUTS.items():
        if index < len(node.output) and node.output[index]:
            name = names.unique(f"{node.output[index]}_sequence_first")
            after.append(helper.make_node("Transpose", [name], [node.output[index]], f"{name}_back", perm=perm))
            node.output[index] = name
    kept = [a for a in node.attribute if a.name != "layout"]
    del node.attribute[:]
    node.attribute.extend(kept)
    return [*before, node, *after]


def misfit(node: onnx.NodeProto, shapes: Shapes) -> str | None:
    """What is wrong with the shape of an input, as a sentence; `shapes`: those that are known."""
    for name, given, wanted in _wanted(node, shapes):
        if given is not None and not _fits(given, wanted):
            needed = ", ".join("?" if size is None else str(size) for size in wanted)
            return f"its input {name} has the shape {list(given)}; hidden_size, direction and data need [{needed}]"
    return None


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w in (None, g) for g, w in zip(given, wanted))


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _wanted(node: onnx.NodeProto, shapes: Shapes) -> list[tuple]:
    """(name in ONNX, shape, shape that it must have, None for a size that is not known) of all inputs but the data."""
    attributes = _attributes(node)
    x, w, r, b, lengths, h, c, p = (shapes.get(name) if name else None for name in (*node.input, *[""] * 8)[:8])
    hidden = attributes.get("hidden_size") or (r[-1] if r else None)
    if hidden is None:
        return []
    directions = 2 if attributes.get("direction") == b"bidirectional" else 1
    rows = GATES[node.op_type] * hidden
    batch_first = bool(attributes.get("layout"))
    batch = x[0 if batch_first else 1] if x and len(x) == 3 else None
    state = (batch, directions, hidden) if batch_first else (directions, batch, hidden)
    return [
        ("W", w, (directions, rows, x[-1] if x else None)),
        ("R", r, (directions, rows, hidden)),
        ("B", b, (directions, 2 * rows)),
        ("sequence_lens", lengths, (batch,)),
        ("initial_h", h, state),
        ("initial_c", c, state),
        ("P", p, (directions, 3 * hidden)),
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
