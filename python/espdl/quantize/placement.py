# SPDX-License-Identifier: Apache-2.0
"""Where Q/DQ pairs go: which tensors are quantised, which are weights, which must share one scale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from espdl import traits
from espdl.quantize import divisors, float_marks, input_forms, operands, regions
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.operands import Operand
from espdl.quantize.regions import is_function_of_one
from espdl.quantize.sets import Sets


@dataclass(frozen=True)
class Weighted:
    """A node with constant weights. `axis` is the axis of the output channels in `weights`; `bias` may be None.

    `output` is the tensor after the bias: for MatMul with a following Add that of the Add.
    """

    node: onnx.NodeProto
    data: str
    weights: str
    axis: int
    bias: str | None
    bias_node: onnx.NodeProto | None
    output: str


@dataclass(frozen=True)
class Placement:
    """`quantized`: float tensors that get a Q/DQ pair, in graph order. `groups`: sets that should share a scale.

    `operands`: constants that become int8 and are no weights.
    """

    quantized: tuple[str, ...]
    weighted: tuple[Weighted, ...]
    groups: tuple[tuple[str, ...], ...]
    operands: tuple[Operand, ...] = ()

    def written(self, graph: Graph, name: str) -> str:
        """The quantised tensor that a kernel writes: `name`, or that of the activation behind it; "" where none is."""
        while name not in self.quantized:
            consumers = graph.consumers.get(name, [])
            if not consumers:
                return ""
            name = consumers[0].output[0]
        return name


def place(graph: Graph) -> Placement:
    """Decides for a preprocessed float graph."""
    in_integers = (node for node in graph.nodes if not float_marks.is_marked(node))
    weighted = tuple(w for node in in_integers if (w := _weighted(graph, node)))
    inner = {name for name in graph.activations if _is_inner(graph, name, weighted)}
    roots = {w.output for w in weighted}
    marked = {output for n in graph.nodes if float_marks.is_marked(n) for output in n.output}
    inner |= regions.inner_tensors(graph, inner, roots | marked)
    in_floats = divisors.inner_tensors(graph, roots)
    islands, border = float_marks.tensors(graph)
    at_inputs, input_nodes = input_forms.inner_tensors(graph)
    inner = ((inner | in_floats | at_inputs) - border) | islands
    quantized = tuple(name for name in graph.activations if name not in inner)
    owners = {n.name for w in weighted for n in (w.node, w.bias_node) if n is not None}
    owners |= {graph.producer[name].name for name in in_floats} | input_nodes
    owners |= {n.name for n in graph.nodes if float_marks.is_marked(n)}
    return Placement(quantized, weighted, _groups(graph, quantized), operands.find(graph, owners))


def _weighted(graph: Graph, node: onnx.NodeProto) -> Weighted | None:
    if len(node.input) < 2 or not graph.is_constant(node.input[1]) or not graph.is_activation(node.input[0]):
        return None
    data, weights = node.input[0], node.input[1]
    bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
    if bias is not None and not graph.is_constant(bias):
        return None
    if node.op_type == "Conv":
        return Weighted(node, data, weights, 0, bias, None, node.output[0])
    if node.op_type == "ConvTranspose":
        # With groups, one index of the weights' output axis stands for several output channels.
        return (
            Weighted(node, data, weights, 1, bias, None, node.output[0]) if attribute(node, "group", 1) == 1 else None
        )
    if node.op_type == "Gemm":
        transposed = bool(attribute(node, "transB", 0))
        if attribute(node, "transA", 0) or (bias is not None and not _is_row(graph, bias)):
            return None
        return Weighted(node, data, weights, 0 if transposed else 1, bias, None, node.output[0])
    if node.op_type == "MatMul" and len(graph.constants[weights].dims) == 2:
        adder = _bias_add(graph, node.output[0], graph.constants[weights].dims[1])
        if adder is None:
            return Weighted(node, data, weights, 1, None, None, node.output[0])
        bias = next(i for i in adder.input if graph.is_constant(i))
        return Weighted(node, data, weights, 1, bias, adder, adder.output[0])
    return None


def _is_row(graph: Graph, bias: str) -> bool:
    """Whether a Gemm's third operand is the same for all rows."""
    dims = list(graph.constants[bias].dims)
    return all(d == 1 for d in dims[:-1])


def _bias_add(graph: Graph, name: str, channels: int) -> onnx.NodeProto | None:
    """The Add that gives a MatMul its bias: its only consumer, with a constant of one value per column."""
    consumer = graph.only_consumer(name)
    if consumer is None or consumer.op_type != "Add":
        return None
    constant = next((i for i in consumer.input if graph.is_constant(i)), None)
    if constant is None:
        return None
    dims = list(graph.constants[constant].dims)
    return consumer if dims and dims[-1] == channels and all(d == 1 for d in dims[:-1]) else None


def _is_inner(graph: Graph, name: str, weighted: tuple[Weighted, ...]) -> bool:
    """Whether `name` lives only inside one kernel: before a fused activation, or between MatMul and its bias."""
    consumer = graph.only_consumer(name)
    producer = graph.producer.get(name)
    if consumer is None or producer is None:
        return False
    if any(w.bias_node is not None and w.node.output[0] == name for w in weighted):
        return True
    if not traits.of(producer.op_type).takes_activation or is_function_of_one(graph, producer):
        return False
    return traits.of(consumer.op_type).activation and all(graph.is_constant(i) for i in consumer.input[1:] if i)


def of_one_table(graph: Graph) -> Iterable[list[str]]:
    """Tensors that are looked up in one constant: with one scale it is stored once."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.op_type == "Gather" and graph.is_constant(node.input[0]):
            found.setdefault(node.input[0], []).append(node.output[0])
    return found.values()


def _groups(graph: Graph, quantized: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    sets = Sets(quantized)
    fixed = {o: bounds for n in graph.nodes if (bounds := traits.of(n.op_type).known_range) for o in n.output}
    several = []
    for node in graph.nodes:
        if traits.of(node.op_type).moves and not float_marks.is_marked(node):
            inputs = [n for n in dict.fromkeys(node.input) if n in sets]
            if len(inputs) == 1:
                sets.join([*inputs, *node.output])
            else:
                several.append((inputs, node.output))
    for outputs in (*of_one_table(graph), *graph.ties):
        sets.join([name for name in outputs if name in sets])
    for inputs, outputs in several:
        # A tensor whose range is known keeps it; where the others' differ, its values are brought to their scale.
        known = {sets.find(name): value for name, value in fixed.items() if name in sets}
        ranges = {known.get(sets.find(name)) for name in inputs}
        sets.join([*(n for n in inputs if len(ranges) == 1 or sets.find(n) not in known), *outputs])
    return tuple(map(tuple, sets.all().values()))
