# SPDX-License-Identifier: Apache-2.0
"""A read view of an ONNX graph: who makes and who reads a tensor, what is constant, what is float."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


class Graph:
    """`proto` must be preprocessed: shapes inferred, constants among the initialisers."""

    def __init__(self, proto: onnx.ModelProto):
        self.proto = proto
        self.nodes = list(proto.graph.node)
        self.inputs = [i.name for i in proto.graph.input]
        self.outputs = [o.name for o in proto.graph.output]
        self.constants = {t.name: t for t in proto.graph.initializer}

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
    def _values(self) -> dict[str, onnx.ValueInfoProto]:
        graph = self.proto.graph
        return {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}

    @cached_property
    def _elem_types(self) -> dict[str, int]:
        table = {name: v.type.tensor_type.elem_type for name, v in self._values.items()}
        table.update({name: t.data_type for name, t in self.constants.items()})
        return table

    @cached_property
    def _counts(self) -> dict[str, int]:
        graph = self.proto.graph
        known = (*graph.value_info, *graph.input, *graph.output)
        table = {v.name: math.prod(d.dim_value for d in v.type.tensor_type.shape.dim) for v in known}
        table.update({name: math.prod(t.dims) for name, t in self.constants.items()})
        return table

    def count(self, name: str) -> int:
        """How many elements a tensor has."""
        return self._counts[name]

    def elem_type(self, name: str) -> int:
        """A value of TensorProto.DataType; 0 where it is unknown."""
        return self._elem_types.get(name, 0)

    def shape(self, name: str) -> tuple[int, ...]:
        """The static shape of a tensor."""
        if name in self.constants:
            return tuple(self.constants[name].dims)
        return tuple(d.dim_value for d in self._values[name].type.tensor_type.shape.dim)

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

    def only_consumer(self, name: str) -> onnx.NodeProto | None:
        """The single node that reads `name`; None where several do, none does, or the caller of the model does."""
        readers = self.consumers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None


def attribute(node: onnx.NodeProto, name: str, default=None):
    """The value of a node's attribute."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)
