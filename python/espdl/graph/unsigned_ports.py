# SPDX-License-Identifier: Apache-2.0
"""The application's images are uint8 where it wants that, with one cheap conversion to int8 inside."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.flip_sign import FlipSign
from espdl.passes import Pass
from espdl.plan.types import Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """With `options.io` "uint8", `graph` with such ports where they are int8."""
    if options.io != "uint8":
        return graph
    tensors = graph.tensors()
    before, after, inputs, outputs = [], [], [], []
    parameters = {t.name: t for t in graph.parameters}
    for port in graph.inputs:
        inner = tensors[port.tensor]
        if inner.dtype == "int8":
            outer = _unsigned(inner)
            before.append(FlipSign((outer,), (inner,), (), True))
            del parameters[inner.name]
            parameters[outer.name] = outer
            port = replace(port, tensor=outer.name)
        inputs.append(port)
    for port in graph.outputs:
        inner = tensors[port.tensor]
        if inner.dtype == "int8":
            outer = _unsigned(inner)
            after.append(FlipSign((inner,), (outer,), (), False))
            port = replace(port, tensor=outer.name)
        outputs.append(port)
    return replace(
        graph,
        operators=(*before, *graph.operators, *after),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        parameters=tuple(parameters.values()),
    )


def _unsigned(tensor: Tensor) -> Tensor:
    return replace(
        tensor, name=f"{tensor.name}:uint8", dtype="uint8", zero_point=tensor.zero_point + 128, alias_of=None
    )


PASS = Pass("unsigned_ports", apply, needs=("integer_ports",), leaves=("unsigned_ports",))
