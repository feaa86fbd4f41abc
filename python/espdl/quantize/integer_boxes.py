# SPDX-License-Identifier: Apache-2.0
"""NonMaxSuppression on boxes and scores of integers: how much of two boxes they share does not depend on their scale,
nor does which score is the largest.

The steps that `frontend.non_max_suppression` leaves run in floats. Where all four coordinates are one quantised tensor,
steps of its scale do as well, and areas are exact: 8 bits in int32, 16 bits in int64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto

from espdl.frontend.non_max_suppression import INSIDE
from espdl.quantization import Quantization
from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph

_MOVES = ("Slice", "Split", "Transpose", "Expand", "Reshape", "GatherElements")
_LENGTHS = ("Add", "Sub", "Min", "Max")
# What shares are multiplied by, so that a threshold is an integer with the digits of a float32.
_ONE = 1 << 28
# Below all scores.
_NONE = -(1 << 30)
_TYPES: dict[str, int] = {"int8": TensorProto.INT32, "int16": TensorProto.INT64}


@dataclass(frozen=True)
class _Integers:
    """`power` lengths multiplied, none for scores; in steps of which `parts` are one of the tensor's."""

    power: int
    parts: int
    dtype: int


class _Refused(Exception):
    """Something inside is done with boxes that integers do not do here."""


def apply(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with such steps in integers; itself where there are none, or they read other tensors."""
    if not any(INSIDE in node.name for node in proto.graph.node):
        return proto
    try:
        edit = _Boxes(proto)
        return edit.done() if edit.sources or edit.scores else proto
    except _Refused:
        return proto


class _Boxes:
    """`known`: what is computed in integers, by the names of the float values."""

    def __init__(self, proto: onnx.ModelProto):
        self.graph, self.edit = Graph(proto), Edit(proto)
        self.known: dict[str, _Integers] = {}
        # By what is dequantised: steps of boxes, and of scores.
        self.sources: dict[str, str] = {}
        self.scores: dict[str, str] = {}
        # Products of an area and a threshold, until they are compared.
        self.shares: dict[str, tuple[str, Fraction]] = {}
        for node in proto.graph.node:
            if INSIDE in node.name and self._computes(node):
                continue
            if any(i in self.known for i in node.input):
                raise _Refused
            self.edit.nodes.append(node)

    def done(self) -> onnx.ModelProto:
        result = self.edit.finish()
        kept = [v for v in result.graph.value_info if v.name not in self.known and v.name not in self.shares]
        del result.graph.value_info[:]
        result.graph.value_info.extend(kept)
        return inferred(result)

    def _computes(self, node: onnx.NodeProto) -> bool:
        """Whether the node is now one of integers."""
        inputs = [self.known.get(name) for name in node.input]
        if node.op_type == "Where":
            return self._left(node)
        if node.op_type == "ArgMax":
            return self._moved(node, self._score(node.input[0]))
        if node.op_type in _MOVES:
            is_score = node.op_type == "GatherElements" and node.input[0] not in self.known
            return self._moved(node, (self._score if is_score else self._box)(node.input[0]))
        if node.op_type == "Relu" and inputs[0]:
            zero = self._constant(node, 0, inputs[0].dtype)
            self._made(node, "Max", [node.input[0], zero], inputs[0])
        elif node.op_type in _LENGTHS and all(inputs):
            self._lengths(node)
        elif node.op_type == "Mul" and any(inputs):
            self._product(node)
        elif node.op_type == "Greater" and inputs[0] and inputs[0].power == 0:
            least = self._constant(node, _NONE // 2, inputs[0].dtype)
            self.edit.node("Greater", [node.input[0], least], node.output[0], name=node.name)
        elif node.op_type == "Greater" and node.input[1] in self.shares:
            self._comparison(node)
        else:
            return False
        return True

    def _moved(self, node: onnx.NodeProto, source: tuple[str, _Integers] | None) -> bool:
        if source is None:
            return False
        taken = onnx.NodeProto()
        taken.CopyFrom(node)
        taken.input[0] = source[0]
        self.edit.nodes.append(taken)
        if node.op_type != "ArgMax":
            self.known |= dict.fromkeys(node.output, source[1])
        return True

    def _left(self, node: onnx.NodeProto) -> bool:
        """Scores where a condition says so, and nothing elsewhere, or the other way round."""
        held = [self.graph.is_constant(name) for name in node.input]
        places = [i for i in (1, 2) if not held[i]]
        score = self._score(node.input[places[0]]) if len(places) == 1 else None
        if score is None:
            return False
        none = self._constant(node, _NONE, score[1].dtype)
        branches = [score[0], none] if places == [1] else [none, score[0]]
        self._made(node, "Where", [node.input[0], *branches], score[1])
        return True

    def _box(self, name: str) -> tuple[str, _Integers] | None:
        if name in self.known:
            return name, self.known[name]
        stored = self._stored(name)
        if stored is None:
            return None
        dtype = _TYPES[stored.dtype]
        if name not in self.sources:
            self.sources[name] = self._steps(name, stored.zero, dtype)
        return self.sources[name], _Integers(1, 1, dtype)

    def _score(self, name: str) -> tuple[str, _Integers] | None:
        if name in self.known:
            return name, self.known[name]
        if self._stored(name) is None:
            return None
        if name not in self.scores:  # ONNX Runtime has no ArgMax of int64
            self.scores[name] = self._steps(name, 0, TensorProto.INT32)
        return self.scores[name], _Integers(0, 1, TensorProto.INT32)

    def _stored(self, name: str) -> Quantization | None:
        """How an integer tensor with one scale is stored that is dequantised as `name`."""
        source = self.graph.producer.get(name)
        if source is None or source.op_type != "DequantizeLinear":
            return None
        stored = self.graph.quantization(source)
        return stored if stored is not None and stored.dtype in _TYPES and stored.axis is None else None

    def _steps(self, name: str, zero_point: int, dtype: int) -> str:
        source = self.graph.producer[name].input[0]
        steps = self.edit.node("Cast", [source], self.edit.names.unique(f"{name}_integers"), to=dtype)
        if zero_point == 0:
            return steps
        zero = self.edit.constant(f"{name}_zero", np.array(zero_point, _numpy(dtype)))
        return self.edit.node("Sub", [steps, zero], self.edit.names.unique(f"{name}_steps"))

    def _lengths(self, node: onnx.NodeProto) -> None:
        found = [self.known[name] for name in node.input]
        parts = max(one.parts for one in found)
        if len({one.power for one in found}) != 1 or (found[0].power > 1 and len({one.parts for one in found}) != 1):
            raise _Refused
        inputs = []
        for name, one in zip(node.input, found):
            if one.parts != parts:
                by = self._constant(node, parts // one.parts, one.dtype)
                name = self.edit.node("Mul", [name, by], self.edit.names.unique(f"{name}_in_parts"))
            inputs.append(name)
        self._made(node, node.op_type, inputs, _Integers(found[0].power, parts, found[0].dtype))

    def _product(self, node: onnx.NodeProto) -> None:
        """Of two lengths; of a length and a half, which stays what it is in halves; of an area and a threshold."""
        one, other = (self.known.get(name) for name in node.input)
        if one and other and one.power == other.power == 1 and one.parts == other.parts:
            self._made(node, "Mul", list(node.input), _Integers(2, one.parts, one.dtype))
            return
        value, factor = node.input if one else (node.input[1], node.input[0])
        known = self.known[value]
        if not self.graph.is_constant(factor) or self.graph.array(factor).size != 1:
            raise _Refused
        number = Fraction(str(np.float32(self.graph.array(factor).item())))  # 0.7, not the nearest float
        if known.power == 2:
            self.shares[node.output[0]] = value, number
        elif number == Fraction(1, 2):
            self._made(node, "Identity", [value], _Integers(1, 2 * known.parts, known.dtype))
        else:
            raise _Refused

    def _comparison(self, node: onnx.NodeProto) -> None:
        whole, share = self.shares[node.input[1]]
        common = self.known.get(node.input[0])
        if common is None or common != self.known[whole]:
            raise _Refused
        sides = []
        for name, factor in ((node.input[0], _ONE), (whole, math.ceil(share * _ONE))):
            wide = name
            if common.dtype != TensorProto.INT64:
                wide = self.edit.node("Cast", [name], self.edit.names.unique(f"{name}_wide"), to=TensorProto.INT64)
            by = self._constant(node, factor, TensorProto.INT64)
            sides.append(self.edit.node("Mul", [wide, by], self.edit.names.unique(f"{name}_share")))
        self.edit.node("Greater", sides, node.output[0], name=node.name)

    def _constant(self, node: onnx.NodeProto, value: int, dtype: int) -> str:
        return self.edit.constant(f"{node.name}/integer", np.array(value, _numpy(dtype)))

    def _made(self, node: onnx.NodeProto, operator: str, inputs: list[str], known: _Integers) -> None:
        self.edit.node(operator, inputs, node.output[0], name=node.name)
        self.known[node.output[0]] = known


def _numpy(dtype: int) -> np.dtype:
    return onnx.helper.tensor_dtype_to_np_dtype(dtype)
