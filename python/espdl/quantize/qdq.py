# SPDX-License-Identifier: Apache-2.0
"""Writes the quantised graph in QDQ form: QuantizeLinear / DequantizeLinear around float operators (ONNX opset 13+).

ONNX Runtime's own inserter is not used because it puts a pair between a convolution and its activation and cannot be
told to share one scale among the inputs of a Concat; the result is the same kind of model and runs in ONNX Runtime.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl.frontend import shapes
from espdl.frontend.names import Names
from espdl.quantization import Quantization
from espdl.quantize import operands
from espdl.quantize.graph import Graph
from espdl.quantize.placement import Placement
from espdl.quantize.types import Scales


def insert(graph: Graph, placement: Placement, scales: Scales, power_of_two: bool = False) -> onnx.ModelProto:
    """A new model in QDQ form; `graph.proto` is left as it is. `power_of_two`: the scheme."""
    writer = _Writer(graph.proto)
    for weighted in placement.weighted:
        key = weighted.node.output[0]
        writer.replace_constant(weighted.node, weighted.weights, *scales.weights[key])
        if weighted.bias is not None:
            owner = weighted.bias_node if weighted.bias_node is not None else weighted.node
            values, quantization = scales.biases[key]
            shape = graph.array(weighted.bias).shape
            if weighted.bias_node is None or len(shape) <= 1:
                writer.replace_constant(owner, weighted.bias, values, quantization)
            else:
                axis = len(shape) - 1
                with_axis = replace(quantization, axis=axis)
                writer.replace_constant(owner, weighted.bias, values.reshape(shape), with_axis)
    for operand in placement.operands:
        values = graph.array(operand.name)
        quantization = operands.quantization(operand, values, scales.activations[operand.like], power_of_two)
        rounded = quantization.quantize(values.astype(np.float64))
        writer.replace_constant(operand.node, operand.name, rounded, quantization, operand.index)
    for name in placement.quantized:
        writer.quantize_activation(name, scales.activations[name])
    return writer.finish()


class _Writer:
    def __init__(self, proto: onnx.ModelProto):
        self.proto = onnx.ModelProto()
        self.proto.CopyFrom(proto)
        graph = self.proto.graph
        self.nodes = {node.name: node for node in graph.node}
        self.unique = Names.of(proto).unique
        self.before: dict[str, list[onnx.NodeProto]] = {}
        self.after: dict[str, list[onnx.NodeProto]] = {}
        self.renamed: dict[str, str] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        name = self.unique(name)
        self.proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def replace_constant(
        self, node: onnx.NodeProto, name: str, values: np.ndarray, quantization: Quantization, index: int | None = None
    ) -> None:
        """`node` reads DequantizeLinear(values) where it read the float constant `name` (at `index`)."""
        target = self.nodes[node.name]
        index = list(target.input).index(name) if index is None else index
        base = f"{target.output[0]}_{('data', 'weights', 'bias')[index] if index < 3 else index}"
        inputs = [
            self.constant(f"{base}_quantized", values),
            self.constant(f"{base}_scale", quantization.scale.astype(np.float32)),
            self.constant(
                f"{base}_zero_point", np.full(quantization.scale.shape, quantization.zero_point, values.dtype)
            ),
        ]
        output = self.unique(f"{base}_dequantized")
        axis = {} if quantization.scale.ndim == 0 else {"axis": quantization.axis}
        self.before.setdefault(node.name, []).append(
            helper.make_node("DequantizeLinear", inputs, [output], name=output, **axis)
        )
        target.input[index] = output

    def quantize_activation(self, name: str, quantization: Quantization) -> None:
        """All consumers of `name` see it through a Q/DQ pair."""
        graph = self.proto.graph
        scale = self.constant(f"{name}_scale", np.asarray(quantization.scale, np.float32))
        zero_point = self.constant(f"{name}_zero_point", np.array(quantization.zero_point, quantization.dtype))
        quantized, dequantized = self.unique(f"{name}_quantized"), self.unique(f"{name}_dequantized")
        source = name
        is_output = any(o.name == name for o in graph.output)
        if is_output:  # the model's output keeps its name, so what was computed gets another
            source, dequantized = self.unique(f"{name}_float"), name
            for node in graph.node:
                for i, output in enumerate(node.output):
                    if output == name:
                        node.output[i] = source
        for node in graph.node:
            for i, value in enumerate(node.input):
                if value == name:
                    node.input[i] = dequantized
        pair = [
            helper.make_node("QuantizeLinear", [source, scale, zero_point], [quantized], name=quantized),
            helper.make_node(
                "DequantizeLinear", [quantized, scale, zero_point], [dequantized], name=self.unique(f"{name}_dq")
            ),
        ]
        self.after.setdefault(source, []).extend(pair)

    def finish(self) -> onnx.ModelProto:
        graph = self.proto.graph
        ordered: list[onnx.NodeProto] = []
        for value in graph.input:
            ordered += self.after.get(value.name, [])
        for node in list(graph.node):
            ordered += self.before.get(node.name, [])
            ordered.append(node)
            for output in node.output:
                ordered += self.after.get(output, [])
        copies = [onnx.NodeProto() for _ in ordered]
        for copy, node in zip(copies, ordered):
            copy.CopyFrom(node)
        del graph.node[:]
        graph.node.extend(copies)
        self._drop_unused_constants()
        return shapes.inferred(self.proto)

    def _drop_unused_constants(self) -> None:
        graph = self.proto.graph
        used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
        kept = [t for t in graph.initializer if t.name in used]
        copies = []
        for tensor in kept:
            copy = TensorProto()
            copy.CopyFrom(tensor)
            copies.append(copy)
        del graph.initializer[:]
        graph.initializer.extend(copies)
