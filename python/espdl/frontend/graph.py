# SPDX-License-Identifier: Apache-2.0
"""Editing of graphs, by onnx-ir: what a rewrite asks of a value, and the nodes that it makes in the place of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import onnx
import onnx_ir as ir

from espdl.errors import Node, present
from espdl.frontend.names import Names

FLOAT, INT32, INT64, BOOL = ir.DataType.FLOAT, ir.DataType.INT32, ir.DataType.INT64, ir.DataType.BOOL
# What takes the place of a node's outputs: of the first, or of each, None where nobody reads it.
Results = ir.Value | Sequence[ir.Value | None]
# (node, the chain for what takes its place) -> its results, or None where it stays.
Rewrite = Callable[[ir.Node, "Chain"], "Results | None"]
C = TypeVar("C", bound="Chain")


def shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """The static shape of a tensor, None where it is not known."""
    known = None if value is None else value.shape
    return known.numpy() if known is not None and known.is_static() else None


def static_shape(value: ir.Value | None) -> tuple[int, ...]:
    """The same, of a tensor whose shape is known by now."""
    return present(shape(value))


def array(value: ir.Value | None) -> np.ndarray | None:
    """The value of a constant, None for anything else."""
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def producer(value: ir.Value | None, *operators: str) -> ir.Node | None:
    """The node that computes a tensor, where it is one of these operators."""
    node = None if value is None else value.producer()
    return node if node is not None and (node.op_type in operators or not operators) else None


def operand(node: ir.Node, index: int) -> ir.Value:
    """An input that every node of its operator has."""
    return present(node.inputs[index])


def operands(node: ir.Node, count: int) -> list[ir.Value | None]:
    """The first inputs of a node, None where one is left out."""
    return [*node.inputs, *[None] * count][:count]


def values(node: ir.Node) -> dict[str, Any]:
    """The attributes that a node has, as Python's numbers, texts and tuples."""
    return {name: attribute.value for name, attribute in node.attributes.items()}


def settings(node: ir.Node, *without: str) -> dict[str, Any]:
    """The attributes of a node for `Chain.add`, as they are, but for those of these names."""
    return {name: attribute for name, attribute in node.attributes.items() if name not in without}


def is_used(value: ir.Value) -> bool:
    """Whether anybody wants this output of a node."""
    return bool(value.uses()) or value.is_graph_output()


def is_read_once(value: ir.Value) -> bool:
    """Whether one node reads it, and nobody outside."""
    return len(value.consumers()) == 1 and not value.is_graph_output()


def about(node: ir.Node) -> Node:
    """What an error says of it."""
    names = tuple(output.name or "" for output in node.outputs)
    return Node(node.name or next(filter(None, names), ""), node.op_type, names)


class Chain:
    """The nodes in the place of `node`, made one after the other. `base`: what their names begin with."""

    def __init__(self, node: ir.Node, opset: int, names: Names, notes: list[str]):
        self.node, self.opset, self.notes, self._names = node, opset, notes, names
        self.base: str = node.name or next(o.name for o in node.outputs if o.name)
        self.nodes: list[ir.Node] = []
        self._placed: set[ir.Value] = set()

    def unique(self, base: str) -> str:
        """A name that nothing else has."""
        return self._names.unique(base)

    def add(self, operator: str, *inputs: Any, outputs: int = 1, name: str | None = None, **attributes: Any) -> Any:
        """A node; its output, or all of them where there are several. Inputs that are no tensors of the graph become
        constants. `name`: the node's, where it must be a certain one."""
        given = [i if i is None or isinstance(i, ir.Value) else self.constant(i) for i in inputs]
        name = name or self.unique(f"{self.base}/{operator}")
        made = ir.node(operator, given, attributes, num_outputs=outputs, name=name)
        for index, output in enumerate(made.outputs):
            output.name = self.unique(f"{name}:{index}")
        self.nodes.append(made)
        return made.outputs[0] if outputs == 1 else made.outputs

    def constant(self, value: Any, title: str = "constant") -> ir.Value:
        """A new initializer; float64, as Python's numbers have it, becomes float32."""
        values = np.asarray(value, order="C")
        values = values.astype(np.float32) if values.dtype == np.float64 else values
        tensor = ir.tensor(values, name=self.unique(f"{self.base}/{title}"))
        made = ir.val(tensor.name, tensor.dtype, values.shape, const_value=tensor)
        present(self.node.graph).register_initializer(made)
        return made

    def reduced(self, operator: str, value: ir.Value, axes: list[int]) -> ir.Value:
        """A reduction that keeps its axes as axes of size 1; since opset 18 they are an input."""
        return self.add(operator, value, axes=axes) if self.opset < 18 else self.add(operator, value, axes)

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Lets `new` take the place, the name and the shape of `old`."""
        if new.producer() not in self.nodes or new in self._placed:
            new = self.add("Identity", new)
        self._placed.add(new)
        new.name, new.type, new.shape = old.name, old.type or new.type, old.shape or new.shape
        old.replace_all_uses_with(new, replace_graph_outputs=True)


def opened(proto: onnx.ModelProto) -> ir.Model:
    """The model for onnx-ir, which would give names of its own to nodes that have none."""
    for node in proto.graph.node:
        node.name = node.name  # said, though it may be empty
    return ir.from_proto(proto)


def rewritten(
    proto: onnx.ModelProto,
    rewrite: Callable[[ir.Node, C], Results | None],
    notes: list[str] | None = None,
    chain_of: Callable[..., C] = Chain,  # type: ignore[assignment]  # a default says nothing of C
) -> onnx.ModelProto:
    """`proto` with what `rewrite` makes in the place of each node, where it is not None; `proto` itself where it never
    is. Shapes must be inferred; those of the result are not. What nobody reads any more is gone from it.

    `notes` gets sentences for the report. `chain_of` makes the chain that `rewrite` gets.
    """
    model = opened(proto)
    graph, names = model.graph, Names.of(proto)
    changed = False
    for node in tuple(graph):
        if not any(is_used(output) for output in node.outputs):
            continue
        chain = chain_of(node, graph.opset_imports.get("", 0), names, [] if notes is None else notes)
        results = rewrite(node, chain)
        if results is None:
            continue
        changed = True
        for old, new in zip(node.outputs, [results] if isinstance(results, ir.Value) else results):
            if new is not None and is_used(old):
                chain.replace(old, new)
        graph.insert_before(node, chain.nodes)
    if not changed:
        return proto
    remove_unused(graph)
    return ir.to_proto(model)


def remove_unused(graph: ir.Graph) -> None:
    """Removes the nodes and initializers that no output depends on.

    onnx-ir's own pass would take outputs and attributes of what stays, too: what a BatchNormalization computes depends
    on its `training_mode`.
    """
    for node in reversed(graph):
        if not any(is_used(output) for output in node.outputs):
            bodies = [a.as_graph() for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]
            for consumer in (node, *(inner for body in bodies for inner in body.all_nodes())):
                consumer.resize_inputs(0)
            graph.remove(node, safe=True)
    for name in [name for name, value in graph.initializers.items() if not is_used(value)]:
        del graph.initializers[name]
