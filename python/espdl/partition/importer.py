# SPDX-License-Identifier: Apache-2.0
"""From a QDQ model to Relax, with the ONNX names kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import tvm
from onnx import numpy_helper
from tvm import relax

from espdl import traits
from espdl.errors import EspdlError, Node, first_line
from espdl.partition import tvm_compat
from espdl.partition.rewriter import Rewriter
from espdl.quantization import Quantization
from espdl.quantize.types import QuantizedModel


@dataclass(frozen=True)
class OnnxNames:
    """Relax variables are called t<number>_, whatever the model calls its tensors; this leads back.

    `tensors`: id -> name of the float tensor it stands for. `nodes`: id of an output -> (ONNX node, operator); Q/DQ
    nodes are not among them. `scales`: of quantised tensors by name.
    """

    tensors: Mapping[str, str]
    nodes: Mapping[str, tuple[str, str]]
    scales: Mapping[str, Quantization]

    @staticmethod
    def key(variable: str) -> str:
        """The id in a variable's name; passes add suffixes to it. '' for variables that a pass made up."""
        found = re.match(r"t\d+_", variable)
        return found.group() if found else ""

    def tensor(self, variable: str) -> str:
        return self.tensors.get(self.key(variable), "")

    def node(self, variable: str) -> tuple[str, str] | None:
        return self.nodes.get(self.key(variable))

    def all_nodes(self, variable: str) -> list[tuple[str, str]]:
        """Those of a variable that stands for several: its name is theirs, one after the other."""
        return [self.nodes[key] for key in re.findall(r"t\d+_", variable) if key in self.nodes]


def import_model(model: QuantizedModel) -> tuple[tvm.IRModule, OnnxNames]:
    """The Relax module of a quantised model and the names of its parts.

    Raises EspdlError for an operator that TVM cannot import, naming the node.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    _one_output_each(proto)
    names = _rename(proto)

    def on_error(identifier: str, operator: str, error: Exception) -> EspdlError:
        node = Node(*names.nodes.get(identifier, (identifier, operator)))
        if isinstance(error, tvm_compat.Unsupported):
            why = str(error)
        elif operator in tvm_compat.importable_operators():
            why = f"TVM cannot import it ({first_line(error)})"
        else:
            why = "there is no lowering for this operator, neither in a backend nor in TVM"
        return EspdlError.at(
            model.label,
            node,
            why,
            "replace it by other operators before the export, or cut the graph before it",
        )

    try:
        return _Inherit(tvm_compat.import_onnx(proto, on_error)).run(), names

    except EspdlError:
        raise
    except Exception as error:  # what the importer finds wrong outside of an operator
        raise EspdlError(
            model.label,
            f"TVM cannot import it ({first_line(error)})",
            "check it with onnx.checker, and export it again with a current exporter",
        ) from error


class _Inherit(Rewriter):
    """Steps of an operator that the importer makes several of get the name of its result."""

    def __init__(self, module: tvm.IRModule):
        super().__init__(module)
        self.names: dict[str, str] = {}
        following = ""
        for variable in reversed(self.old):
            following = OnnxNames.key(variable.name) or following
            self.names[variable.name] = following

    def emit(self, expression: relax.Expr, name: str = "") -> relax.Var:
        return super().emit(expression, name if OnnxNames.key(name) else f"{self.names.get(name, '')}step")


def _one_output_each(proto: onnx.ModelProto) -> None:
    """An LSTM whose last cells are read is one node for the sequence and one for them: a composite has one result."""
    nodes = []
    for node in proto.graph.node:
        if not traits.of(node.op_type).activations:
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
            continue
        for index, name in enumerate(node.output):
            if name:
                nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
                nodes[-1].output[:] = [name]
                nodes[-1].attribute.append(onnx.helper.make_attribute("only_cells", int(index > 0)))
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _rename(proto: onnx.ModelProto) -> OnnxNames:
    graph = proto.graph
    quantized = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    outputs = {o.name for o in graph.output}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.output[0] in outputs and node.input[0] in quantized:
            quantized[quantized[node.input[0]]] = node.output[0]
            quantized[node.input[0]] = node.output[0]
    identifiers: dict[str, str] = {"": ""}

    def identifier(name: str) -> str:
        return identifiers.setdefault(name, f"t{len(identifiers)}_")

    nodes = {}
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = identifier(value.name)
    for tensor in graph.initializer:
        tensor.name = identifier(tensor.name)
    for node in graph.node:
        node.input[:] = [identifier(i) for i in node.input]
        original = list(node.output)
        node.output[:] = [identifier(o) for o in original]
        results = [o for o in node.output if o]
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            nodes.update(dict.fromkeys(results, (node.name, node.op_type)))
        node.name = results[0]
    # What comes out of a DequantizeLinear inside the graph is a view of another tensor, never one that is stored.
    views = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    tensors = {key: quantized.get(name, name) for name, key in identifiers.items() if key and key not in views}
    constants = {t.name: t for t in graph.initializer}
    scales = {
        tensors[node.output[0]]: _quantization(*(numpy_helper.to_array(constants[i]) for i in node.input[1:3]))
        for node in graph.node
        if node.op_type == "QuantizeLinear" and len(node.input) == 3 and all(i in constants for i in node.input[1:3])
    }
    return OnnxNames(tensors, nodes, scales)


def _quantization(scale: np.ndarray, zero_point: np.ndarray) -> Quantization:
    """Of an activation, which has one scale."""
    return Quantization(np.float32(scale.flat[0]), int(zero_point.flat[0]), str(zero_point.dtype))
