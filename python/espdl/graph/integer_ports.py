# SPDX-License-Identifier: Apache-2.0
"""The application reads and writes integers itself, unless it wants floats: conversions at inputs and outputs go."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.dequantize import Dequantize
from espdl.ops.operator import Operator
from espdl.ops.quantize import Quantize
from espdl.passes import Pass
from espdl.plan.types import Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` without conversions at its ports; as it is with `options.io` "float32"."""
    return graph if options.io == "float32" else _without_dequantize(_without_quantize(graph))


def _without_quantize(graph: OperatorGraph) -> OperatorGraph:
    """Inputs become the int8 tensors that Quantize made of them, where it is their only consumer."""
    for port in graph.inputs:
        quantize = graph.only_consumer(port.tensor)
        if not isinstance(quantize, Quantize):
            continue
        (tensor,) = quantize.outputs
        graph = replace(
            graph,
            operators=tuple(o for o in graph.operators if o is not quantize),
            inputs=tuple(replace(p, tensor=tensor.name) if p is port else p for p in graph.inputs),
            parameters=tuple(tensor if t.name == port.tensor else t for t in graph.parameters),
        )
    return graph


def _without_dequantize(graph: OperatorGraph) -> OperatorGraph:
    """Outputs become the int8 tensors before their Dequantize."""
    producers = graph.producers
    removed: list[Operator] = []
    outputs = []
    for port in graph.outputs:
        producer = producers.get(port.tensor)
        if isinstance(producer, Dequantize) and not graph.consumers(port.tensor):
            removed.append(producer)
            port = replace(port, tensor=producer.inputs[0].name)
        outputs.append(port)
    # Only the Dequantize may have known the scale: what moves values does not.
    known = {t.name: t for producer in removed for t in producer.inputs}

    def scaled(tensor: Tensor) -> Tensor:
        found = known.get(tensor.name, tensor) if tensor.scale is None else tensor
        return tensor.with_quantization(found.quantization)

    kept = tuple(o for o in graph.operators if not any(o is r for r in removed))
    return replace(replace(graph, operators=kept).with_tensors(scaled), outputs=tuple(outputs))


PASS = Pass("integer_ports", apply, needs=("port_scales",), leaves=("integer_ports",))
