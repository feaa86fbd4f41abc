# SPDX-License-Identifier: Apache-2.0
"""Which nodes of a quantised network stay in floats: a mark on the node itself, which every copy of it keeps."""

from __future__ import annotations

from collections.abc import Collection

import onnx

from espdl.quantize.graph import Graph

_KEY = "espdl.in_floats"


def mark(proto: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """A copy of the model with marks on the nodes of these names."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    result.ir_version = max(result.ir_version, 10)  # the first whose nodes have properties
    for node in result.graph.node:
        if node.name in names and not is_marked(node):
            node.metadata_props.add(key=_KEY, value="1")
    return result


def is_marked(node: onnx.NodeProto | None) -> bool:
    return node is not None and any(entry.key == _KEY for entry in node.metadata_props)


def tensors(graph: Graph) -> tuple[set[str], set[str]]:
    """Float tensors that only marked nodes make and read, which are never rounded; and those between marked nodes and
    others, which are, and so are states."""
    inner, border = set(), set()
    states = {name for tie in graph.ties for name in tie}
    for name in graph.activations:
        producer, readers = graph.producer.get(name), graph.consumers.get(name, [])
        is_made = is_marked(producer) or (producer is None and any(map(is_marked, readers)))
        others = [reader for reader in readers if not is_marked(reader)]
        if is_made and not others and name not in states:
            inner.add(name)
        elif is_marked(producer) or len(others) < len(readers):
            border.add(name)
    return inner, border
