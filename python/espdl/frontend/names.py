# SPDX-License-Identifier: Apache-2.0
"""Names that nothing else has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import onnx


class Names:
    """The names that are taken, and new ones beside them."""

    def __init__(self, taken: Iterable[str] = ()):
        self._taken = set(taken)
        self._tried: Counter[str] = Counter()

    @staticmethod
    def of(proto: onnx.ModelProto) -> Names:
        """Those of all nodes and tensors of a model."""
        graph = proto.graph
        names = Names(name for n in graph.node for name in (*n.input, *n.output, n.name))
        names._taken.update(v.name for v in (*graph.input, *graph.output, *graph.value_info, *graph.initializer))
        return names

    def unique(self, base: str) -> str:
        """`base` where it is free, else with a number behind it; taken from now on."""
        name = base
        while name in self._taken:
            self._tried[base] += 1
            name = f"{base}_{self._tried[base] + 1}"
        self._taken.add(name)
        return name


def name_nodes(proto: onnx.ModelProto, unnamed: bool = True) -> None:
    """Every node gets a name of its own, in place: two may have one in a file, and messages and reports tell them
    apart. `unnamed`: also those that have none."""
    names = Names()
    for node in proto.graph.node:
        if node.name or unnamed:
            node.name = names.unique(node.name or f"{node.op_type}:{next(filter(None, node.output), '')}")
