# SPDX-License-Identifier: Apache-2.0
"""uint8 becomes int8, with 128 less in every constant and zero point."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from espdl.errors import EspdlError
from espdl.quantize.carried.edit import replace
from espdl.quantize.graph import Graph
from espdl.wording import option


def convert(proto: onnx.ModelProto, label: str) -> None:
    """uint8 to int8: every zero point and every constant 128 less. What lies between moves data, whatever its type."""
    graph = Graph(proto)
    if not any(graph.array(n.input[2]).dtype == np.uint8 for n in graph.nodes if "Linear" in n.op_type):
        return
    for name in {n for n in (*graph.inputs, *graph.outputs) if graph.elem_type(n) == TensorProto.UINT8}:
        raise EspdlError(
            f"{label}: tensor '{name}'",
            "an input or output of the model is uint8 itself",
            "begin the model with QuantizeLinear and end it with DequantizeLinear;"
            f" {option('io', 'uint8')} then gives the C uint8",
        )
    done: set[str] = set()
    for node in proto.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        data = node.input[0]
        changed = [node.input[2]]
        if node.op_type == "DequantizeLinear" and graph.is_constant(data):
            changed.append(data)
        for name in changed:
            values = graph.array(name)
            if values.dtype == np.uint8 and name not in done:
                replace(proto, name, (values.astype(np.int16) - 128).astype(np.int8))
                done.add(name)
        for found in node.attribute:
            if found.name == "output_dtype" and found.i == TensorProto.UINT8:
                found.i = TensorProto.INT8
