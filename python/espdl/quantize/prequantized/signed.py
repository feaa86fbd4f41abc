# SPDX-License-Identifier: Apache-2.0
"""uint8 becomes int8, with 128 less in every constant and zero point."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl import traits
from espdl.quantize.edit import add, set_nodes
from espdl.quantize.graph import Graph, attribute

# Where an attribute asks for arithmetic, they are no moves.
_ARITHMETIC = {"reduction": (b"none", b"max", b"min"), "mode": (b"constant", b"edge", b"reflect", b"wrap", b"nearest")}


def convert(proto: onnx.ModelProto) -> None:
    """uint8 to int8: every zero point, and every constant beside such values, 128 less.

    What only moves values does not see the difference; what computes with the integers gets uint8 as before. Inputs and
    outputs that are uint8 themselves stay so.
    """
    graph = Graph(proto)
    if not any(graph.array(n.input[2]).dtype == np.uint8 for n in graph.nodes if "Linear" in n.op_type):
        return
    _Signed(proto, graph).run()


class _Signed:
    """`narrowed`: tensors that hold int8 now. `forms`: (tensor, whether as int8) -> its name in that form."""

    def __init__(self, proto: onnx.ModelProto, graph: Graph):
        self.proto = proto
        self.graph = graph
        self.narrowed: set[str] = set()
        self.forms: dict[tuple[str, bool], str] = {}
        self.nodes: list[onnx.NodeProto] = []

    def run(self) -> None:
        for node in list(self.proto.graph.node):
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                self._zero_point(node)
            if node.op_type != "QuantizeLinear":
                self._operands(node)
            self.nodes.append(node)
        for name in dict.fromkeys(o for o in self.graph.outputs if o in self.narrowed):
            self._unsigned_output(name)
        set_nodes(self.proto, self.nodes)

    def _unsigned_output(self, name: str) -> None:
        """Bytes of the caller, as floats worth 1 each in between: what an input of bytes is, the other way round."""
        inner = f"{name}_signed"
        for node in self.nodes:
            node.input[:] = [inner if i == name else i for i in node.input]
            node.output[:] = [inner if o == name else o for o in node.output]
        scale, zero_point = self._of_bytes(name)
        self.nodes += [
            helper.make_node("DequantizeLinear", [inner, scale, zero_point], [f"{name}_real"], name=f"{name}_real"),
            helper.make_node("Cast", [f"{name}_real"], [name], name=f"{name}_unsigned", to=TensorProto.UINT8),
        ]

    def _of_bytes(self, name: str) -> tuple[str, str]:
        return (
            add(self.proto, f"{name}_byte", np.float32(1.0)),
            add(self.proto, f"{name}_byte_zero", np.array(-128, np.int8)),
        )

    def _zero_point(self, node: onnx.NodeProto) -> None:
        if self._is_unsigned(node.input[2]):
            node.input[2] = self._form(node.input[2], True)
            if node.op_type == "QuantizeLinear":
                self.narrowed.add(node.output[0])
        for found in node.attribute:
            if found.name == "output_dtype" and found.i == TensorProto.UINT8:
                found.i = TensorProto.INT8

    def _operands(self, node: onnx.NodeProto) -> None:
        known = traits.of(node.op_type)
        places = (0,) if node.op_type == "DequantizeLinear" else known.moves or known.compares or known.shifted
        moved = [i for i, name in enumerate(node.input) if i in places and self._is_unsigned(name)]
        if not moved or not _only_moves(node):
            node.input[:] = [self._form(name, False) if name in self.narrowed else name for name in node.input]
            return
        if node.op_type == "Pad" and attribute(node, "mode", b"constant") == b"constant":
            _name_fill(self.proto, node)
            moved = [0, 2]
        for index in moved:
            node.input[index] = self._form(node.input[index], True)
        self.narrowed.update(name for name in node.output if self._is_unsigned(name))

    def _is_unsigned(self, name: str) -> bool:
        """In the model as it came."""
        return bool(name) and self.graph.elem_type(name) == TensorProto.UINT8

    def _form(self, name: str, signed: bool) -> str:
        """`name` as int8 or as uint8."""
        if (name in self.narrowed) == signed:
            return name
        if (name, signed) not in self.forms:
            self.forms[name, signed] = self._converted(name, signed)
        return self.forms[name, signed]

    def _converted(self, name: str, signed: bool) -> str:
        values = next((t for t in self.proto.graph.initializer if t.name == name), None)
        if values is not None:
            numbers = numpy_helper.to_array(values).astype(np.int16)
            return add(self.proto, f"{name}_signed", (numbers - 128).astype(np.int8))
        if signed and name in self.graph.inputs:
            scale, zero_point = self._of_bytes(name)
            made = [f"{name}_real", f"{name}_signed"]
            self.nodes += [
                helper.make_node("Cast", [name], made[:1], name=made[0], to=TensorProto.FLOAT),
                helper.make_node("QuantizeLinear", [made[0], scale, zero_point], made[1:], name=made[1]),
            ]
            return made[1]
        offset = add(self.proto, f"{name}_offset", np.array(-128 if signed else 128, np.int32))
        kind = TensorProto.INT8 if signed else TensorProto.UINT8
        steps = [f"{name}_{step}" for step in ("wide", "moved", "signed" if signed else "unsigned")]
        self.nodes += [
            helper.make_node("Cast", [name], steps[:1], name=steps[0], to=TensorProto.INT32),
            helper.make_node("Add", [steps[0], offset], steps[1:2], name=steps[1]),
            helper.make_node("Cast", [steps[1]], steps[2:], name=steps[2], to=kind),
        ]
        return steps[2]


def _only_moves(node: onnx.NodeProto) -> bool:
    return all(attribute(node, name, moves[0]) in moves for name, moves in _ARITHMETIC.items())


def _name_fill(proto: onnx.ModelProto, node: onnx.NodeProto) -> None:
    """Where a Pad says nothing it fills in the integer 0, which is another one in int8."""
    inputs = [*node.input, ""][:3] if len(node.input) < 3 else list(node.input)
    if not inputs[2]:
        inputs[2] = add(proto, f"{node.output[0]}_fill", np.array(0, np.uint8))
    del node.input[:]
    node.input.extend(inputs)
