# SPDX-License-Identifier: Apache-2.0
"""Operators that only choose among values, on integers: they do the same to the real numbers, on the same scale.

Said with real numbers, a fill value or a bound is the number that it stands for, not an integer that would have to
be moved with the data where their type changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from espdl import traits
from espdl.frontend.graph import array
from espdl.frontend.operator_form import Form, form
from espdl.quantization import Quantization

# Where every output is of chosen values; of others only the first is, and the second holds indices.
_ALL_OUTPUTS = {"Split"}
# What changes nothing, which goes later on.
_SAME = ("Identity", "Cast", "Dropout")


@form("Clip", "ReverseSequence", *(name for name in traits.having("moves") if name not in _SAME))
def choose(f: Form) -> list[ir.Value] | None:
    by = _common(f)
    if by is None:
        return None
    operands: list[ir.Value | np.ndarray | None] = []
    for index, value in enumerate(f.node.inputs):
        known = array(value)
        if value is None or f.integers(value) != np.dtype(by.dtype) or (known is None and value not in f.known):
            operands.append(value)
        elif index in traits.of(f.node.op_type).numbers and known is not None:
            operands.append(by.dequantize(known))
        else:
            operands.append(f.dequantized(value, by))
    if f.node.op_type == "Pad" and f.attributes.get("mode", "constant") == "constant":
        operands += [None] * (3 - len(operands))
        operands[2] = by.dequantize(np.zeros((), by.dtype)) if operands[2] is None else operands[2]
    f.compute(f.node.op_type, *operands, outputs=len(f.node.outputs))
    made = f.nodes[-1].outputs
    chosen = made if f.node.op_type in _ALL_OUTPUTS else made[:1]
    return [f.quantized(value, by) if value in chosen else value for value in made]


@form("ArgMax", "ArgMin")
def index_of_extreme(f: Form) -> ir.Value | None:
    by = _common(f)
    return None if by is None else f.compute(f.node.op_type, f.dequantized(f.operand(0), by))


@form(*_SAME)
def same(f: Form) -> None:
    """Its integers mean the same."""
    by, to = f.known.get(f.operand(0)), f.attributes.get("to")
    if by is not None and (to is None or ir.DataType(to).numpy() == np.dtype(by.dtype)):
        f.known[f.node.outputs[0]] = by


def _common(f: Form) -> Quantization | None:
    """What the integers of all operands stand for, where it is the same; of a constant, such as a table, what its
    consumers take the result for."""
    known = [f.known[value] for value in f.node.inputs if value in f.known]
    if not known and array(f.input(0)) is not None and f.integers(f.operand(0)).name in ("int8", "uint8", "int16"):
        known = list(_of_consumers(f))
    return known[0] if known and all(by.same_as(known[0]) for by in known) else None


def _of_consumers(f: Form) -> Iterator[Quantization]:
    """By which later nodes read the result: after each operand stand its scale and its zero point."""
    for use in f.node.outputs[0].uses():
        if use.node.op_type.startswith(("DequantizeLinear", "QLinear", "QGemm")):
            scale, zero = (array(operand) for operand in [*use.node.inputs, None, None][use.idx + 1 : use.idx + 3])
            if scale is not None and zero is not None and scale.size == zero.size == 1:
                yield f.of(scale, zero)
