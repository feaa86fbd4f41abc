# SPDX-License-Identifier: Apache-2.0
"""What a rewrite may ask and make: shapes, constants, fresh names, nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.frontend.forms import captured
from espdl.frontend.names import Names


class Scope:
    """The graph of a model whose shapes are inferred; `notes` is where rewrites say what the user should know."""

    def __init__(self, proto: onnx.ModelProto, notes: list[str] | None = None):
        self.proto = proto
        self.notes: list[str] = [] if notes is None else notes
        graph = proto.graph
        self.opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
        self.outputs = {o.name for o in graph.output}
        self._values = {v.name: v for v in (*graph.value_info, *graph.input, *graph.output)}
        self._constants = {t.name: t for t in graph.initializer}
        self._constant_nodes = {n.output[0]: n for n in graph.node if n.op_type == "Constant"}
        self.unique = Names.of(proto).unique
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in filter(None, dict.fromkeys((*node.input, *sorted(captured(node))))):
                self._readers.setdefault(name, []).append(node)
        self._makers = {name: node for node in graph.node for name in node.output if name}

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The static shape of a tensor, None where it is not known."""
        if name in self._constants:
            return tuple(self._constants[name].dims)
        value = self._values.get(name)
        if value is None or not value.type.tensor_type.HasField("shape"):
            return None
        dims = value.type.tensor_type.shape.dim
        return tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None

    def dtype(self, name: str) -> int:
        """The ONNX element type of a tensor, 0 where it is not known."""
        if name in self._constants:
            return self._constants[name].data_type
        value = self._values.get(name)
        return 0 if value is None else value.type.tensor_type.elem_type

    def array(self, name: str) -> np.ndarray | None:
        """The value of a constant, None for anything else."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        node = self._constant_nodes.get(name)
        found = next((a for a in node.attribute if a.name == "value"), None) if node is not None else None
        return None if found is None else numpy_helper.to_array(found.t)

    def maker(self, name: str) -> onnx.NodeProto | None:
        """The node that computes a tensor."""
        return self._makers.get(name)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor."""
        return self._readers.get(name, [])

    def is_used(self, name: str) -> bool:
        """Whether anybody wants this output of a node."""
        return bool(name) and (name in self._readers or name in self.outputs)

    def constant(self, value: np.ndarray, base: str) -> str:
        """A new initialiser; its name."""
        name = self.unique(base)
        tensor = numpy_helper.from_array(np.asarray(value, order="C"), name)
        self.proto.graph.initializer.append(tensor)
        self._constants[name] = tensor
        return name

    def replace_nodes(self, nodes: list[onnx.NodeProto]) -> None:
        """Makes `nodes` the nodes of the graph, and infers the shapes of what is new."""
        copies = [onnx.NodeProto() for _ in nodes]
        for copy, node in zip(copies, nodes):
            copy.CopyFrom(node)
        del self.proto.graph.node[:]
        self.proto.graph.node.extend(copies)
        self.proto.CopyFrom(onnx.shape_inference.infer_shapes(self.proto, data_prop=True))


class Chain:
    """Nodes made one after the other; each call of `add` is one node, its result is the name of the node's output."""

    def __init__(self, scope: Scope, base: str):
        self.scope = scope
        self.base = base
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, outputs: int = 1, **attributes: Any) -> Any:
        """The output's name (a list with `outputs` > 1). `output` gives it, where it must be a certain one."""
        name = self.scope.unique(f"{self.base}/{operator}")
        names = [output or self.scope.unique(f"{name}:0")]
        names += [self.scope.unique(f"{name}:{i}") for i in range(1, outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def reduced(self, operator: str, value: str, axes: list[int]) -> str:
        """A reduction that keeps its axes as axes of size 1; since opset 18 they are an input."""
        if self.scope.opset < 18:
            return self.add(operator, value, axes=axes)
        return self.add(operator, value, self.constant(axes, np.int64))

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        return self.scope.constant(np.asarray(value, dtype), f"{self.base}/constant")
