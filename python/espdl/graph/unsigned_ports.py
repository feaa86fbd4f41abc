# SPDX-License-Identifier: Apache-2.0
"""The application's bytes are uint8 where it wants that, or has them so: a table reads them as they are, elsewhere one
cheap conversion to int8 is inside."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.flip_sign import FlipSign
from espdl.ops.lookup import Lookup, Table
from espdl.ops.lookup_channels import LookupChannels
from espdl.ops.operator import Operator
from espdl.passes import Pass
from espdl.plan.types import Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` with such ports for `options.unsigned`, and with `options.io` "uint8" where they are int8 and no integers
    of the model."""
    is_all = options.io == "uint8"
    if not is_all and not options.unsigned:
        return graph
    tensors = graph.tensors()
    before, after, inputs, outputs = [], [], [], []
    read: dict[int, Operator] = {}
    parameters = {t.name: t for t in graph.parameters}
    for port in graph.inputs:
        inner = tensors[port.tensor]
        if inner.dtype == "int8" and (port.name in options.unsigned or (is_all and port.name not in options.integers)):
            outer, table = unsigned(inner), graph.only_consumer(inner.name)
            if isinstance(table, Lookup | Table | LookupChannels):
                read[id(table)] = replace(table, inputs=(outer,))
            else:
                before.append(FlipSign((outer,), (inner,), (), True))
            del parameters[inner.name]
            parameters[outer.name] = outer
            port = replace(port, tensor=outer.name)
        inputs.append(port)
    for port in graph.outputs:
        inner = tensors[port.tensor]
        wanted = port.name in options.unsigned or (is_all and port.name not in options.integers)
        if inner.dtype == "int8" and wanted:
            outer = unsigned(inner)
            after.append(FlipSign((inner,), (outer,), (), False))
            port = replace(port, tensor=outer.name, integers=port.name in options.unsigned)
        outputs.append(port)
    return replace(
        graph,
        operators=(*before, *(read.get(id(o), o) for o in graph.operators), *after),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        parameters=tuple(parameters.values()),
    )


def unsigned(tensor: Tensor) -> Tensor:
    """The tensor of the same values whose integers are 128 larger."""
    return replace(
        tensor, name=f"{tensor.name}:uint8", dtype="uint8", zero_point=tensor.zero_point + 128, alias_of=None
    )


PASS = Pass("unsigned_ports", apply, needs=("integer_ports",), leaves=("unsigned_ports",))
