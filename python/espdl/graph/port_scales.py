# SPDX-License-Identifier: Apache-2.0
"""What the integers of inputs and outputs stand for, where no operator says it: a model's own have scale 1."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.passes import Pass
from espdl.plan.types import QUANTIZED, Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` with the scales of `options`, scale 1 for those other ports of `options.integers` that have none, and
    with the features of its inputs."""
    own = {p.tensor for p in (*graph.inputs, *graph.outputs) if p.name in options.integers}
    known = {p.tensor: options.scales[p.name] for p in graph.inputs if p.name in options.scales}

    def scaled(tensor: Tensor) -> Tensor:
        if tensor.name in known:
            return tensor.with_quantization(known[tensor.name])
        if tensor.name not in own or tensor.dtype not in QUANTIZED or tensor.scale is not None:
            return tensor
        return replace(tensor, scale=1.0, zero_point=0)

    given = {p.name for p in graph.inputs if p.name in options.scales and p.name not in options.features}
    inputs = tuple(replace(p, features=options.features.get(p.name), integers=p.name in given) for p in graph.inputs)
    return replace(graph.with_tensors(scaled), inputs=inputs)


PASS = Pass("port_scales", apply, leaves=("port_scales",))
