# SPDX-License-Identifier: Apache-2.0
"""Writes the quantised graph in QDQ form: QuantizeLinear / DequantizeLinear around float operators (ONNX opset 13+).

ONNX Runtime's own inserter is not used because it puts a pair between a convolution and its activation and cannot be
told to share one scale among the inputs of a Concat; the result is the same kind of model and runs in ONNX Runtime.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import helper

from espdl.frontend import shapes
from espdl.quantization import Quantization
from espdl.quantize import operands
from espdl.quantize.edit import Edit
from espdl.quantize.float_marks import is_marked
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


class _Writer(Edit):
    """`before`: the nodes that a node needs in front of it; `after`: those that follow the maker of a tensor."""

    def __init__(self, proto: onnx.ModelProto):
        super().__init__(proto)
        self.by_name = {node.name: node for node in self.proto.graph.node}
        self.before: dict[str, list[onnx.NodeProto]] = {}
        self.after: dict[str, list[onnx.NodeProto]] = {}

    def replace_constant(
        self, node: onnx.NodeProto, name: str, values: np.ndarray, quantization: Quantization, index: int | None = None
    ) -> None:
        """`node` reads DequantizeLinear(values) where it read the float constant `name` (at `index`)."""
        target = self.by_name[node.name]
        index = list(target.input).index(name) if index is None else index
        base = f"{target.output[0]}_{('data', 'weights', 'bias')[index] if index < 3 else index}"
        made = self.dequantize(base, values, quantization)
        self.before.setdefault(node.name, []).append(made)
        target.input[index] = made.output[0]

    def quantize_activation(self, name: str, quantization: Quantization) -> None:
        """All consumers of `name` see it through a Q/DQ pair."""
        graph = self.proto.graph
        scale = self.constant(f"{name}_scale", np.asarray(quantization.scale, np.float32))
        zero_point = self.constant(f"{name}_zero_point", np.array(quantization.zero_point, quantization.dtype))
        quantized, dequantized = self.names.unique(f"{name}_quantized"), self.names.unique(f"{name}_dequantized")
        source = name
        if any(o.name == name for o in graph.output):  # it keeps its name, so that what was computed gets another
            source, dequantized = self.names.unique(f"{name}_float"), name
        producer = next((node for node in graph.node if name in node.output), None)
        for node in graph.node:
            node.output[:] = [source if output == name else output for output in node.output]
            # Between two nodes in floats nothing is rounded.
            seen = source if is_marked(producer) and is_marked(node) else dequantized
            node.input[:] = [seen if value == name else value for value in node.input]
        pair_name = self.names.unique(f"{name}_dq")
        self.after.setdefault(source, []).extend(
            (
                helper.make_node("QuantizeLinear", [source, scale, zero_point], [quantized], name=quantized),
                helper.make_node("DequantizeLinear", [quantized, scale, zero_point], [dequantized], name=pair_name),
            )
        )

    def finish(self) -> onnx.ModelProto:
        graph = self.proto.graph
        self.nodes = [made for value in graph.input for made in self.after.get(value.name, ())]
        for node in graph.node:
            self.nodes += [*self.before.get(node.name, ()), node]
            self.nodes += [made for output in node.output for made in self.after.get(output, ())]
        return shapes.inferred(super().finish())
