# SPDX-License-Identifier: Apache-2.0
"""NonMaxSuppression with an output of its largest size: rows beyond those that it selects are -1, and their number is
an output of the model, `<name>_count`.

Step by step, for all classes at once: the best box that is left, and without it all that overlap it too much.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from espdl.errors import EspdlError, present
from espdl.frontend.graph import BOOL, FLOAT, INT64, Chain, about, array, operands, rewritten, shape

OPERATOR = "NonMaxSuppression"
# What names of its nodes hold: they run in floats, as the model means them.
INSIDE = "/non_max_suppression"
# Boxes of a class; every one is a step of its own.
_MOST = 32
LIMITS = (
    f"constant thresholds; up to {_MOST} boxes of a class; unused rows are -1, and `<name>_count` is one more output"
)
# Below all scores, and far enough from the largest float to be compared.
_NONE = np.float32(-1e30)


def expand(proto: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """The model, whose shapes must be inferred, with single operators for each NonMaxSuppression; itself where it has
    none. Raises EspdlError where the largest size is not known, or too large."""
    if all(node.op_type != OPERATOR for node in proto.graph.node):
        return proto

    def rewrite(node: ir.Node, chain: Chain) -> ir.Value | None:
        return _steps(node, chain, label) if node.op_type == OPERATOR else None

    result = rewritten(proto, rewrite)
    for value in result.graph.output:  # it was as long as the data made it
        if any(not d.HasField("dim_value") for d in value.type.tensor_type.shape.dim):
            value.type.tensor_type.ClearField("shape")
    del result.graph.value_info[:]
    return result


def _steps(node: ir.Node, chain: Chain, label: str) -> ir.Value:
    boxes, scores, most, limit, least = operands(node, 5)
    sizes, known = shape(scores), array(most)
    if sizes is None or known is None or shape(boxes) is None:
        raise EspdlError.at(
            label, about(node), "its number of boxes is not known before it runs",
            "export the model with fixed sizes and a constant max_output_boxes_per_class",
        )  # fmt: skip
    count = min(int(known.reshape(-1)[0]), sizes[2])
    if not 0 < count <= _MOST:
        raise EspdlError.at(
            label, about(node), f"it selects up to {count} boxes of a class, and this compiler takes 1 to {_MOST}",
            f"export the model with a max_output_boxes_per_class of at most {_MOST}",
        )  # fmt: skip
    chain.base = f"{node.name or node.outputs[0].name}{INSIDE}"
    corners = _corners(node, boxes, chain, sizes)
    overlap = _number(limit, node, label)
    left: Any = scores
    if least is not None:
        enough = chain.add("Greater", scores, np.float32(_number(least, node, label)))
        left = chain.add("Where", enough, scores, _NONE)
    places, found = [], []
    for step in range(count):
        place = chain.add("ArgMax", left, axis=2, keepdims=1)
        best = chain.add("GatherElements", left, place, axis=2)
        places.append(place)
        found.append(chain.add("Greater", best, np.float32(_NONE / 2)))
        if step + 1 < count:
            left = chain.add("Where", _taken(chain, corners, place, overlap, sizes), _NONE, left)
    return _rows(node, chain, places, found, sizes)


def _number(value: ir.Value | None, node: ir.Node, label: str) -> float:
    known = np.zeros(1) if value is None else array(value)
    if known is None:
        raise EspdlError.at(
            label, about(node), "one of its thresholds is computed while the model runs", "export it with constant ones"
        )
    return float(known.reshape(-1)[0])


def _corners(node: ir.Node, boxes: ir.Value | None, chain: Chain, sizes: tuple[int, ...]) -> list[ir.Value]:
    """Top, left, bottom, right and area of every box, [batch, classes, boxes] each."""
    parts = chain.add("Split", boxes, np.array([1, 1, 1, 1]), outputs=4, axis=2)
    rows = [chain.add("Transpose", part, perm=[0, 2, 1]) for part in parts]
    half = np.float32(0.5)
    if node.attributes.get_int("center_point_box", 0):
        x, y, width, height = rows
        reach = [chain.add("Mul", size, half) for size in (height, width)]
        ends = [chain.add(op, at, by) for op in ("Sub", "Add") for at, by in zip((y, x), reach)]
    else:
        pairs = ((rows[0], rows[2]), (rows[1], rows[3]))
        ends = [chain.add(op, *pair) for op in ("Min", "Max") for pair in pairs]
    top, left, bottom, right = ends
    area = chain.add("Mul", chain.add("Sub", bottom, top), chain.add("Sub", right, left))
    return [chain.add("Expand", value, np.array(sizes)) for value in (top, left, bottom, right, area)]


def _taken(chain: Chain, corners: list[ir.Value], place: ir.Value, overlap: float, sizes: tuple[int, ...]) -> ir.Value:
    """Which boxes overlap the one at `place` too much, that one included."""
    own = [chain.add("GatherElements", value, place, axis=2) for value in corners]
    top, left = (chain.add("Max", corners[i], own[i]) for i in (0, 1))
    bottom, right = (chain.add("Min", corners[i], own[i]) for i in (2, 3))
    sides = [chain.add("Relu", chain.add("Sub", end, begin)) for end, begin in ((bottom, top), (right, left))]
    common = chain.add("Mul", *sides)
    both = chain.add("Sub", chain.add("Add", corners[4], own[4]), common)
    over = chain.add("Greater", common, chain.add("Mul", both, np.float32(overlap)))
    is_it = chain.add("Equal", place, np.arange(sizes[2]).reshape(1, 1, -1))
    return chain.add("Or", over, is_it)


def _rows(node: ir.Node, chain: Chain, places: list[Any], found: list[Any], sizes: tuple[int, ...]) -> ir.Value:
    """[largest size, 3]: batch, class and box of all that was found, then rows of -1."""
    batch, classes, _ = sizes
    total = batch * classes * len(places)
    box = chain.add("Reshape", chain.add("Concat", *places, axis=2), np.array([total, 1]))
    grid = np.stack(np.meshgrid(np.arange(batch), np.arange(classes), indexing="ij"), axis=2).reshape(-1, 2)
    rows = chain.add("Concat", np.repeat(grid, len(places), axis=0), box, axis=1)
    numbers = [chain.add("Cast", one, to=INT64) for one in found]
    valid = chain.add("Reshape", chain.add("Concat", *numbers, axis=2), np.array([total, 1]))
    if batch * classes > 1:  # what was found comes first, in its order
        number = chain.add("Cast", valid, to=FLOAT)
        behind = np.arange(total, dtype=np.float32).reshape(total, 1)
        key = chain.add("Sub", chain.add("Mul", number, np.float32(2 * total)), behind)
        _, order = chain.add("TopK", key, np.array([total]), outputs=2, axis=0)
        order = chain.add("Reshape", order, np.array([total]))
        rows, valid = (chain.add("Gather", value, order, axis=0) for value in (rows, valid))
    count = chain.add("ReduceSum", valid, np.array([0, 1]), keepdims=0)
    count = chain.add("Reshape", count, np.array([1]))
    count.name = chain.unique(f"{node.outputs[0].name}_count")
    count.type, count.shape = ir.TensorType(INT64), ir.Shape([1])
    present(node.graph).outputs.append(count)
    return chain.add("Where", chain.add("Cast", valid, to=BOOL), rows, np.array(-1))
