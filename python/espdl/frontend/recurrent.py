# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers as a file has them: shapes that ONNX's checker does not look at, and the layout no runtime has."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from espdl.errors import EspdlError
from espdl.frontend.graph import Chain, Results, about, is_used, opened, operands, rewritten, shape

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
# What a transposition makes of an input or output of a layer that is batch first, by its index.
_INPUTS = {0: (1, 0, 2), 5: (1, 0, 2), 6: (1, 0, 2)}
_OUTPUTS = ((2, 0, 1, 3), (1, 0, 2), (1, 0, 2))


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first LSTM, GRU or RNN whose weights do not fit its size and its input.

    Shapes must be inferred.
    """
    if not any(node.op_type in GATES for node in proto.graph.node):
        return
    for node in opened(proto).graph:
        wrong = misfit(node) if node.op_type in GATES else None
        if wrong is not None:
            remedy = "export the model again; gates lie one after the other, each direction has weights of its own"
            raise EspdlError.at(label, about(node), wrong, remedy)


def sequence_first(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with every layer of layout 1 as one of layout 0 between transpositions: ONNX Runtime runs no other."""
    return rewritten(proto, _sequence_first) if any(node.op_type in GATES for node in proto.graph.node) else proto


def _sequence_first(node: ir.Node, chain: Chain) -> Results | None:
    if node.op_type not in GATES or not node.attributes.get_int("layout", 0):
        return None
    inputs = list(node.inputs)
    for index, perm in _INPUTS.items():
        if index < len(inputs) and inputs[index] is not None:
            inputs[index] = chain.add("Transpose", inputs[index], perm=perm)
    kept = {name: attribute for name, attribute in node.attributes.items() if name != "layout"}
    chain.add(node.op_type, *inputs, outputs=len(node.outputs), name=node.name, **kept)
    made = chain.nodes[-1].outputs
    for value, old in zip(made, node.outputs):
        value.name = value.name if is_used(old) else ""
    return [chain.add("Transpose", value, perm=perm) if value.name else None for value, perm in zip(made, _OUTPUTS)]


def misfit(node: ir.Node) -> str | None:
    """What is wrong with the shape of an input that is known, as a sentence."""
    for name, given, wanted in _wanted(node):
        if given is not None and not _fits(given, wanted):
            needed = ", ".join("?" if size is None else str(size) for size in wanted)
            return f"its input {name} has the shape {list(given)}; hidden_size, direction and data need [{needed}]"
    return None


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w in (None, g) for g, w in zip(given, wanted))


def _wanted(node: ir.Node) -> list[tuple]:
    """(name in ONNX, shape, shape that it must have, None for a size that is not known) of all inputs but the data."""
    x, w, r, b, lengths, h, c, p = (shape(value) for value in operands(node, 8))
    hidden = node.attributes.get_int("hidden_size") or (r[-1] if r else None)
    if hidden is None:
        return []
    directions = 2 if node.attributes.get_string("direction") == "bidirectional" else 1
    rows = GATES[node.op_type] * hidden
    batch_first = bool(node.attributes.get_int("layout", 0))
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
