# SPDX-License-Identifier: Apache-2.0
"""Gives every node with constant weights a bias, so that no later step has to ask whether there is one.

The kernels have a bias anyway, so that it costs nothing at run time.
"""

from __future__ import annotations

import numpy as np
import onnx

from espdl.quantize.edit import Edit, inferred
from espdl.quantize.graph import Graph
from espdl.quantize.placement import place


def complete(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with zeros for every missing bias; the input model is left as it is."""
    graph, edit = Graph(proto), Edit(proto)
    missing = {w.node.name: w for w in place(graph).weighted if w.bias is None}
    for node in edit.proto.graph.node:
        edit.nodes.append(node)
        if node.name in missing:
            _add_zeros(edit, node, graph.shape(missing[node.name].weights)[missing[node.name].axis])
    return inferred(edit.finish()) if missing else proto


def _add_zeros(edit: Edit, node: onnx.NodeProto, channels: int) -> None:
    zeros = edit.constant(f"{node.output[0]}_bias", np.zeros(channels, np.float32))
    if node.op_type != "MatMul":
        node.input[:] = [*node.input[:2], zeros]
        return
    result, product = node.output[0], edit.names.unique(f"{node.output[0]}_product")
    node.output[0] = product
    edit.node("Add", [product, zeros], result, name=edit.names.unique(f"{node.name}_bias"))
