# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs that are small integers in the model itself have scale 1."""

from __future__ import annotations

from dataclasses import replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.passes import Pass
from espdl.plan.types import QUANTIZED, Tensor


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` with scale 1 for those ports of `options.integers` that have none."""
    own = {p.tensor for p in (*graph.inputs, *graph.outputs) if p.name in options.integers}

    def scaled(tensor: Tensor) -> Tensor:
        if tensor.name not in own or tensor.dtype not in QUANTIZED or tensor.scale is not None:
            return tensor
        return replace(tensor, scale=1.0, zero_point=0)

    return graph.with_tensors(scaled)


PASS = Pass("port_scales", apply, leaves=("port_scales",))
