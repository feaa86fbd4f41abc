# SPDX-License-Identifier: Apache-2.0
"""Gives every node with constant weights a bias, so that no later step has to ask whether there is one.

The kernels have a bias anyway, so that it costs nothing at run time.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from espdl.frontend.names import Names
from espdl.quantize.graph import Graph
from espdl.quantize.placement import Weighted, place


def complete(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with zeros for every missing bias; the input model is left as it is."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    graph = Graph(result)
    missing = [w for w in place(graph).weighted if w.bias is None]
    names = Names.of(result)
    for weighted in missing:
        _add_zeros(result, graph, weighted, names)
    return onnx.shape_inference.infer_shapes(result, data_prop=True) if missing else result


def _add_zeros(proto: onnx.ModelProto, graph: Graph, weighted: Weighted, names: Names) -> None:
    node = next(n for n in proto.graph.node if n.name == weighted.node.name)
    zeros = np.zeros(graph.constants[weighted.weights].dims[weighted.axis], np.float32)
    name = names.unique(f"{node.output[0]}_bias")
    proto.graph.initializer.append(numpy_helper.from_array(zeros, name))
    if node.op_type != "MatMul":
        del node.input[2:]
        node.input.append(name)
        return
    result, product = node.output[0], names.unique(f"{node.output[0]}_product")
    node.output[0] = product
    adder = helper.make_node("Add", [product, name], [result], name=names.unique(f"{node.name}_bias"))
    proto.graph.node.insert(list(proto.graph.node).index(node) + 1, adder)
