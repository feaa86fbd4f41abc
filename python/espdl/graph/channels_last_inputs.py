# SPDX-License-Identifier: Apache-2.0
"""Images are given channels last where the application wants that: the transposition at the input goes."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.operator import Operator
from espdl.ops.quantize import Quantize
from espdl.ops.transpose import Transpose
from espdl.passes import Pass
from espdl.plan.types import Port, Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """With `options.input_layout` "nhwc", `graph` with inputs of four dimensions that are given so; with one channel
    only the dimensions change."""
    for port in graph.inputs if options.input_layout == "nhwc" else ():
        path = _path_to_transpose(graph, port.tensor)
        if path is not None:
            graph = _channels_last_input(graph, port, *path)
    return graph


def _path_to_transpose(graph: OperatorGraph, name: str) -> tuple[list[Operator], Operator | Tensor] | None:
    """The Quantize, if any, between an input and the transposition (or alias) that is all that reads it; that one."""
    passed: list[Operator] = []
    while True:
        consumers = graph.consumers(name)
        aliases = [a for a in graph.aliases if a.alias_of == name]
        if len(consumers) + len(aliases) != 1:
            return None
        if aliases:
            source = graph.tensors()[name].shape
            is_last = len(source) == 4 and source[1] == 1 and aliases[0].shape == (source[0], *source[2:], 1)
            return (passed, aliases[0]) if is_last else None
        (consumer,) = consumers
        if isinstance(consumer, Transpose) and tuple(consumer.axes) == (0, 2, 3, 1):
            return passed, consumer
        if not isinstance(consumer, Quantize):
            return None
        passed.append(consumer)
        name = consumer.outputs[0].name


def _channels_last_input(
    graph: OperatorGraph, port: Port, passed: list[Operator], last: Operator | Tensor
) -> OperatorGraph:
    """`last` goes; the input and what Quantize makes of it take its result's dimensions."""
    tensors = graph.tensors()
    result = last if isinstance(last, Tensor) else last.outputs[0]

    def reshaped(name: str) -> Tensor:
        return replace(tensors[name], shape=result.shape)

    replaced = {port.tensor: reshaped(port.tensor)}
    source = passed[-1].outputs[0].name if passed else port.tensor
    if not passed:
        replaced[port.tensor] = replace(reshaped(port.tensor), name=result.name)
    operators = []
    for operator in graph.operators:
        if operator is last:
            continue
        if any(operator is p for p in passed):
            outputs = [
                replace(reshaped(t.name), name=result.name if t.name == source else t.name) for t in operator.outputs
            ]
            operator = replace(
                operator, inputs=tuple(reshaped(t.name) for t in operator.inputs), outputs=tuple(outputs)
            )
        operators.append(operator)
    return replace(
        graph,
        operators=tuple(operators),
        aliases=tuple(a for a in graph.aliases if a is not last),
        inputs=tuple(
            replace(p, tensor=replaced[p.tensor].name, layout="NHWC") if p is port else p for p in graph.inputs
        ),
        parameters=tuple(replaced.get(t.name, t) for t in graph.parameters),
    )


PASS = Pass("channels_last_inputs", apply, leaves=("channels_last_inputs",))
