# SPDX-License-Identifier: Apache-2.0
"""Valid files in forms that later stages need not know: initializers among the inputs, and what nobody reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx

# The first version in which an initializer need not be an input too, and the last in which a model may lack an opset.
_SEPARATE_INITIALIZERS, _NO_OPSET = 4, 2


def separate_initializers(proto: onnx.ModelProto) -> None:
    """Old files list the weights among the inputs; only true inputs are fed at run time."""
    weights = {t.name for t in proto.graph.initializer} | {t.values.name for t in proto.graph.sparse_initializer}
    inputs = [i for i in proto.graph.input if i.name not in weights]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    if proto.ir_version <= _NO_OPSET and not proto.opset_import:
        proto.opset_import.append(onnx.helper.make_opsetid("", 1))
    proto.ir_version = max(proto.ir_version, _SEPARATE_INITIALIZERS)


def make_dense(graph: onnx.GraphProto) -> None:
    """Makes, in place, tensors with all their zeros of sparse ones, which onnx-ir does not know."""
    graph.initializer.extend(_dense(sparse) for sparse in graph.sparse_initializer)
    del graph.sparse_initializer[:]
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
            attribute.CopyFrom(onnx.helper.make_attribute("value", _dense(attribute.sparse_tensor)))
        if attribute.type == onnx.AttributeProto.GRAPH:
            make_dense(attribute.g)


def _dense(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    values, places = onnx.numpy_helper.to_array(sparse.values), onnx.numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    if places.ndim == 1:
        dense.reshape(-1)[places] = values
    else:
        dense[tuple(places.T)] = values
    return onnx.numpy_helper.from_array(dense, sparse.values.name)


def remove_unused(proto: onnx.ModelProto) -> None:
    """Removes, in place, the nodes and initializers of a sorted graph that no output depends on.

    Nodes would be further readers of what they read, and a layer with several readers keeps its activation apart;
    initializers may hold what nobody can compute with, such as text.
    """
    graph = proto.graph
    wanted = {o.name for o in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input) | captured(node)
    if len(kept) < len(graph.node):
        _set(graph.node, reversed(kept))
    for tensors, name in ((graph.initializer, lambda t: t.name), (graph.sparse_initializer, lambda t: t.values.name)):
        used = [t for t in tensors if name(t) in wanted]
        if len(used) < len(tensors):
            _set(tensors, used)


def _set(field: Any, messages: Iterable) -> None:
    """Makes `messages`, some of a repeated field's, all of it."""
    copies = [type(message).FromString(message.SerializeToString()) for message in messages]
    del field[:]
    field.extend(copies)


def captured(node: onnx.NodeProto) -> set[str]:
    """What the graphs inside of a node (If, Loop) read, whoever made it."""
    inner = [n for a in node.attribute for graph in (a.g, *a.graphs) for n in graph.node]
    results = {o.name for a in node.attribute for graph in (a.g, *a.graphs) for o in graph.output}
    return results.union(*(set(n.input) | captured(n) for n in inner))
