# SPDX-License-Identifier: Apache-2.0
"""Changes to a model: its nodes put together anew, constants beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.frontend.names import Names
from espdl.quantization import Quantization


class Edit:
    """A copy of a model that is written again, node by node: `proto` has its own until `finish` puts `nodes` there."""

    def __init__(self, proto: onnx.ModelProto):
        self.proto = copied(proto)
        self.names = Names.of(proto)
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, name: str, values: np.ndarray | np.generic) -> str:
        """The name of a new initialiser, `name` where that is free."""
        name = self.names.unique(name)
        self.proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A new node, named as its output unless `attributes` have a name; that output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **{"name": output, **attributes}))
        return output

    def dequantize(self, base: str, values: np.ndarray, known: Quantization) -> onnx.NodeProto:
        """A DequantizeLinear of new integers, not among `nodes` yet; the names of its parts begin with `base`."""
        scale = np.asarray(known.scale, np.float32)
        inputs = [
            self.constant(f"{base}_quantized", values),
            self.constant(f"{base}_scale", scale),
            self.constant(f"{base}_zero_point", np.full(scale.shape, known.zero_point, values.dtype)),
        ]
        output = self.names.unique(f"{base}_dequantized")
        axis: dict[str, Any] = {"axis": known.axis} if scale.ndim else {}
        return helper.make_node("DequantizeLinear", inputs, [output], name=output, **axis)

    def finish(self) -> onnx.ModelProto:
        """The model with its new nodes; what declares shapes stays as it was."""
        set_nodes(self.proto, self.nodes)
        remove_unused(self.proto)
        return self.proto


def copied(proto: onnx.ModelProto) -> onnx.ModelProto:
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    return result


def inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With the shapes of tensors that have none."""
    return onnx.shape_inference.infer_shapes(proto, data_prop=True)


def set_nodes(proto: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(copies)


def remove_unused(proto: onnx.ModelProto) -> None:
    """Initialisers that nobody reads go."""
    graph = proto.graph
    used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    replace(proto, {tensor.name: None for tensor in graph.initializer if tensor.name not in used})


def replace(proto: onnx.ModelProto, constants: dict[str, np.ndarray | None]) -> None:
    """Initialisers get other values, or go where they get None."""
    graph = proto.graph
    kept = [onnx.TensorProto.FromString(t.SerializeToString()) for t in graph.initializer if t.name not in constants]
    new = [numpy_helper.from_array(np.asarray(v, order="C"), n) for n, v in constants.items() if v is not None]
    if len(kept) < len(graph.initializer) or new:
        del graph.initializer[:]
        graph.initializer.extend([*kept, *new])


def add(proto: onnx.ModelProto, name: str, values: np.ndarray | np.generic) -> str:
    """The name of a new initialiser of `proto`, `name` where that is free."""
    name = Names.of(proto).unique(name)
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
    return name


def part(
    proto: onnx.ModelProto,
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[str],
    constants: Iterable[onnx.TensorProto],
) -> onnx.ModelProto:
    """A model of some nodes of `proto`."""
    named = [onnx.ValueInfoProto(name=name) for name in outputs if name]
    graph = helper.make_graph(list(nodes), "part", list(inputs), named, list(constants))
    return helper.make_model(graph, opset_imports=proto.opset_import, ir_version=proto.ir_version)
