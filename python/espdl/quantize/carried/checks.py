# SPDX-License-Identifier: Apache-2.0
"""What cannot be taken as it is, with the reason."""

from __future__ import annotations

import numpy as np
import onnx

from espdl.errors import EspdlError
from espdl.quantize.graph import Graph, attribute
from espdl.wording import option

# int32 is for biases.
_TAKEN = {"int8", "int16", "uint8"}


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first node that cannot be taken."""
    graph = Graph(proto)
    for node in graph.nodes:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if not all(graph.is_constant(name) for name in node.input[1:]):
            raise EspdlError.at(label, node, "its scale is computed at run time", "use static quantisation")
        scale, zero_point = graph.array(node.input[1]), graph.array(node.input[2])
        taken = _TAKEN | ({"int32"} if graph.is_constant(node.input[0]) else set())
        if str(zero_point.dtype) not in taken or attribute(node, "block_size", 0):
            raise EspdlError.at(
                label,
                node,
                f"its integers are {zero_point.dtype}{' in blocks' if attribute(node, 'block_size', 0) else ''}",
                "quantise to int8 (or int16 activations), or pass the float model, with"
                f" {option('precision', 'int16x8')} for 16 bits",
            )
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise EspdlError.at(label, node, "its scale is not positive and finite", "quantise the model again")
        if scale.size > 1 and not graph.is_constant(node.input[0]):
            raise EspdlError.at(
                label,
                node,
                "an activation has one scale per channel",
                "quantise activations per tensor; only weights can have one scale per channel",
            )
