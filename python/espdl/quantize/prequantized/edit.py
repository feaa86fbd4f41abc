# SPDX-License-Identifier: Apache-2.0
"""Changes to a model: nodes and initialisers of its graph."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from espdl.frontend.names import Names


def set_nodes(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto() for _ in nodes]
    for copy, node in zip(copies, nodes):
        copy.CopyFrom(node)
    del proto.graph.node[:]
    proto.graph.node.extend(copies)


def replace(proto: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    kept = [t for t in proto.graph.initializer if t.name != name]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    proto.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))


def add(proto: onnx.ModelProto, name: str, values: np.ndarray) -> str:
    name = Names.of(proto).unique(name)
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
    return name
