# SPDX-License-Identifier: Apache-2.0
"""Names of a model's nodes and tensors, and new ones beside them."""

from __future__ import annotations

import onnx

from espdl.fresh import FreshNames


class Names(FreshNames):
    """Beside those of a model."""

    @staticmethod
    def of(proto: onnx.ModelProto) -> Names:
        """Those of all nodes and tensors of a model."""
        graph = proto.graph
        names = Names(name for n in graph.node for name in (*n.input, *n.output, n.name))
        names._taken.update(v.name for v in (*graph.input, *graph.output, *graph.value_info, *graph.initializer))
        return names


def name_nodes(proto: onnx.ModelProto, unnamed: bool = True) -> None:
    """Every node gets a name of its own, in place: two may have one in a file, and messages and reports tell them
    apart. `unnamed`: also those that have none."""
    names = Names()
    for node in proto.graph.node:
        if node.name or unnamed:
            node.name = names.unique(node.name or f"{node.op_type}:{next(filter(None, node.output), '')}")
