# SPDX-License-Identifier: Apache-2.0
"""A view of a QDQ graph as steps from quantised tensors to quantised tensors: dequantise, compute, quantise."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.errors import present
from espdl.frontend import shapes
from espdl.quantization import Quantization
from espdl.quantize.edit import copied, replace
from espdl.quantize.graph import Graph


@dataclass(frozen=True)
class StepConstant:
    """Integers after a DequantizeLinear: the names of the initialiser, its scale and zero point, and its values."""

    name: str
    scale_name: str
    zero_point_name: str
    values: np.ndarray
    quantization: Quantization


@dataclass(frozen=True)
class Step:
    """`node` (with an Add for a MatMul's bias and an activation after it, as the kernels fuse them) from `inputs` to
    `output`, all of them quantised tensors. `output` is None where the result is not quantised next.
    """

    node: onnx.NodeProto
    inputs: tuple[str, ...]
    output: str | None
    weights: StepConstant | None
    bias: StepConstant | None
    activations: tuple[onnx.NodeProto, ...]


@dataclass(frozen=True)
class Steps:
    """`quantization` by quantised tensor; `steps` in graph order; `visible`: graph inputs or outputs."""

    graph: Graph
    quantization: Mapping[str, Quantization]
    steps: tuple[Step, ...]
    visible: frozenset[str]

    def consumers(self, tensor: str) -> list[Step]:
        return [step for step in self.steps if tensor in step.inputs]


def find(proto: onnx.ModelProto) -> Steps:
    """The steps of a QDQ model; nodes that do not read dequantised tensors are in steps without inputs."""
    graph = Graph(proto)
    source = {n.output[0]: n.input[0] for n in graph.nodes if n.op_type == "DequantizeLinear"}
    quantization, visible = {}, set()
    for node in graph.nodes:
        if node.op_type == "QuantizeLinear":
            if (found := graph.quantization(node)) is not None and found.is_per_tensor:
                quantization[node.output[0]] = found
            if node.input[0] in graph.inputs:
                visible.add(node.output[0])
    visible |= {source[o] for o in graph.outputs if o in source}
    visible |= {o for o in graph.outputs if o in quantization}
    inside: set[str] = set()
    steps = []
    for node in graph.nodes:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") or node.name in inside:
            continue
        step, fused = _step(graph, node, source, quantization)
        inside |= fused
        steps.append(step)
    return Steps(graph, quantization, tuple(steps), frozenset(visible))


def constant(graph: Graph, name: str) -> StepConstant | None:
    """What a DequantizeLinear of constants makes `name`, or None."""
    node = graph.producer.get(name)
    if node is None or node.op_type != "DequantizeLinear" or not all(graph.is_constant(i) for i in node.input):
        return None
    zero_point = node.input[2] if len(node.input) > 2 else ""
    known = present(graph.quantization(node))
    return StepConstant(node.input[0], node.input[1], zero_point, graph.array(node.input[0]), known)


def _step(
    graph: Graph, node: onnx.NodeProto, source: Mapping[str, str], quantized: Container[str]
) -> tuple[Step, set[str]]:
    inputs = tuple(source.get(name, "") for name in node.input if name and not graph.is_constant(name))
    inputs = tuple(name for name in inputs if name in quantized)
    weights = constant(graph, node.input[1]) if node.op_type in ("Conv", "Gemm", "MatMul") else None
    bias = constant(graph, node.input[2]) if weights is not None and len(node.input) > 2 else None
    fused: set[str] = set()
    activations: list[onnx.NodeProto] = []
    name = node.output[0]
    while (consumer := graph.only_consumer(name)) is not None:
        if node.op_type == "MatMul" and consumer.op_type == "Add" and bias is None and not activations:
            bias = next((c for i in consumer.input if (c := constant(graph, i))), None)
            if bias is None:
                break
        elif traits.of(consumer.op_type).activation:
            activations.append(consumer)
        else:
            break
        fused.add(consumer.name)
        name = consumer.output[0]
    output = consumer.output[0] if consumer is not None and consumer.op_type == "QuantizeLinear" else None
    return Step(node, inputs, output, weights, bias, tuple(activations)), fused


def write(
    proto: onnx.ModelProto, changed: Mapping[str, np.ndarray], groups: Mapping[str, int] | None = None
) -> onnx.ModelProto:
    """The model with these initialisers and numbers of groups (by node) replaced, and its shapes inferred anew."""
    result = copied(proto)
    replace(result, dict(sorted(changed.items())))
    groups = groups or {}
    for node in result.graph.node:
        if node.name in groups:
            next(a for a in node.attribute if a.name == "group").i = groups[node.name]
    return shapes.inferred(result)
