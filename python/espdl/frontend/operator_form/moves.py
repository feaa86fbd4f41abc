# SPDX-License-Identifier: Apache-2.0
"""Operators that only choose among values, on integers: they do the same to the real numbers, on the same grid.

Said with real numbers, a fill value or a bound is the number that it stands for, not an integer that would have to
be moved with the data where their type changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.operator_form import Form, form
from espdl.frontend.operator_form.form import Grid

# Operator -> the inputs that hold a fill value or a bound.
_NUMBERS = {"Pad": (2,), "Clip": (1, 2)}
# Where every output is of chosen values; of others only the first is, and the second holds indices.
_ALL_OUTPUTS = {"Split"}


@form(
    *("Clip", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Max", "MaxPool"),
    *("Min", "Pad", "ReduceMax", "ReduceMin", "Reshape", "Resize", "ReverseSequence", "Slice", "SpaceToDepth", "Split"),
    *("Squeeze", "Tile", "TopK", "Transpose", "Unsqueeze", "Where"),
)
def choose(f: Form) -> bool | None:
    grid = _common_grid(f)
    if grid is None:
        return False
    operands = []
    for index, name in enumerate(f.node.input):
        value = f.scope.array(name) if name else None
        if not name or f.integers(name) != grid.zero_point.dtype or (value is None and name not in f.grids):
            operands.append(name)
        elif index in _NUMBERS.get(f.node.op_type, ()) and value is not None:
            operands.append(f.constant(grid.real(value)))
        else:
            operands.append(f.dequantized(name, grid))
    if f.node.op_type == "Pad" and f.attributes.get("mode", b"constant") == b"constant":
        operands += [""] * (3 - len(operands))
        operands[2] = operands[2] or f.constant(grid.real(np.zeros((), grid.zero_point.dtype)))
    chosen = [o for o in f.node.output if o] if f.node.op_type in _ALL_OUTPUTS else list(f.node.output[:1])
    made = [f.scope.unique(f"{name}/real") if name in chosen else name for name in f.node.output]
    node = helper.make_node(f.node.op_type, operands, made, name=f.node.name)
    node.attribute.extend(f.node.attribute)
    f.nodes.append(node)
    for name, value in zip(f.node.output, made):
        if name in chosen:
            f.quantized(value, grid, name)
    return None


@form("ArgMax", "ArgMin")
def index_of_extreme(f: Form) -> bool | None:
    grid = _common_grid(f)
    if grid is None:
        return False
    f.compute(f.node.op_type, f.dequantized(f.input(0), grid), output=f.node.output[0], attributes=f.node.attribute)
    return None


@form("Identity", "Cast", "Dropout")
def same(f: Form) -> bool:
    """What changes nothing goes later on; its integers mean the same."""
    grid = f.grids.get(f.input(0))
    to = f.attributes.get("to")
    if grid is not None and (to is None or helper.tensor_dtype_to_np_dtype(to) == grid.zero_point.dtype):
        f.grids[f.node.output[0]] = grid
    return False


def _common_grid(f: Form) -> Grid | None:
    """The one grid of all operands that have one; of a constant, such as a table, that by which the result is read."""
    known = [f.grids[name] for name in f.node.input if name in f.grids]
    if not known and f.scope.array(f.input(0)) is not None and f.integers(f.input(0)) in (np.int8, np.uint8, np.int16):
        known = [grid for reader in f.scope.readers(f.node.output[0]) for grid in _read_by(f, reader)]
    return known[0] if known and all(grid.equals(known[0]) for grid in known) else None


def _read_by(f: Form, reader: onnx.NodeProto) -> Iterator[Grid]:
    """The grids by which a node reads the form's result: behind each operand stand its scale and its zero point."""
    if not reader.op_type.startswith(("DequantizeLinear", "QLinear", "QGemm")):
        return
    for index, name in enumerate(reader.input):
        if name == f.node.output[0] and index + 2 < len(reader.input):
            scale, zero = (f.scope.array(operand) for operand in reader.input[index + 1 : index + 3])
            if scale is not None and zero is not None and scale.size == zero.size == 1:
                yield Grid.of(scale, zero)
