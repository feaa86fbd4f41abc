# SPDX-License-Identifier: Apache-2.0
"""A read view of an ONNX graph: who makes and who reads a tensor, what is constant, what is float."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl.quantization import Quantization

# Of a model's metadata, while it is quantised: its states, as JSON.
TIES = "espdl.states"


def tied(proto: onnx.ModelProto, ties: Sequence[tuple[str, str]]) -> onnx.ModelProto:
    """A copy of `proto` that knows its states."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    if ties:
        result.metadata_props.add(key=TIES, value=json.dumps(list(ties)))
    return result


class Graph:
    """`proto` must be preprocessed: shapes inferred, constants among the initialisers."""

    def __init__(self, proto: onnx.ModelProto):
        self.proto = proto
        self.nodes = list(proto.graph.node)
        self.inputs = [i.name for i in proto.graph.input]
        self.outputs = [o.name for o in proto.graph.output]
        self.constants = {t.name: t for t in proto.graph.initializer}

    @cached_property
    def ties(self) -> list[tuple[str, str]]:
        """States: pairs (input, output) that are one tensor, from run to run."""
        found = [p.value for p in self.proto.metadata_props if p.key == TIES]
        return [(source, result) for source, result in json.loads(found[0])] if found else []

    @cached_property
    def producer(self) -> dict[str, onnx.NodeProto]:
        return {output: node for node in self.nodes for output in node.output if output}

    @cached_property
    def consumers(self) -> dict[str, list[onnx.NodeProto]]:
        table: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                table.setdefault(name, []).append(node)
        return table

    @cached_property
    def _types(self) -> dict[str, onnx.TypeProto]:
        graph = self.proto.graph
        return {v.name: v.type for v in (*graph.value_info, *graph.input, *graph.output)}

    def type(self, name: str) -> onnx.TypeProto:
        """Element type and shape of a tensor."""
        if name in self.constants:
            tensor = self.constants[name]
            return helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        return self._types[name]

    def count(self, name: str) -> int:
        """How many elements a tensor has."""
        return math.prod(self.shape(name))

    def elem_type(self, name: str) -> int:
        """A value of TensorProto.DataType; 0 where it is unknown."""
        if name in self.constants:
            return self.constants[name].data_type
        return self._types[name].tensor_type.elem_type if name in self._types else 0

    def shape(self, name: str) -> tuple[int, ...]:
        """The static shape of a tensor."""
        if name in self.constants:
            return tuple(self.constants[name].dims)
        return tuple(d.dim_value for d in self._types[name].tensor_type.shape.dim)

    def is_float(self, name: str) -> bool:
        return self.elem_type(name) == TensorProto.FLOAT

    def is_activation(self, name: str) -> bool:
        """A float tensor whose value depends on the inputs."""
        return bool(name) and name not in self.constants and self.is_float(name)

    @cached_property
    def activations(self) -> list[str]:
        """All float activations, inputs first, then in the order of the nodes."""
        made = [output for node in self.nodes for output in node.output]
        return [name for name in (*self.inputs, *made) if self.is_activation(name)]

    def array(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self.constants[name])

    def is_constant(self, name: str) -> bool:
        return name in self.constants

    def quantization(self, node: onnx.NodeProto) -> Quantization | None:
        """Of a QuantizeLinear or DequantizeLinear; None where it is computed while the model runs."""
        if not all(self.is_constant(name) for name in node.input[1:] if name):
            return None
        scale = self.array(node.input[1])
        zero_point = self.array(node.input[2]) if len(node.input) > 2 else np.zeros(scale.shape, np.uint8)
        dtype = str(zero_point.dtype)
        if scale.size == zero_point.size == 1:
            return Quantization(np.float32(scale.item()), int(zero_point.item()), dtype)
        return Quantization(scale, zero_point, dtype, int(attribute(node, "axis", 1)))

    def only_consumer(self, name: str) -> onnx.NodeProto | None:
        """The single node that reads `name`; None where several do, none does, or the caller of the model does."""
        consumers = self.consumers.get(name, [])
        return consumers[0] if len(consumers) == 1 and name not in self.outputs else None


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of a node's attribute."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)
