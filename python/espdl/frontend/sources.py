# SPDX-License-Identifier: Apache-2.0
"""Which node of the user's model a node came from: rewrites and optimisers make nodes of their own."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

# What rewrites, inliners and optimisers put between a name and their own addition to it.
_ENDS = "/:"
_ENDS_OF_LONG_NAMES = "_ "
_LONG = 3


class Sources:
    """The nodes of a model as it was loaded."""

    def __init__(self, proto: onnx.ModelProto):
        self._nodes = {node.name: node for node in proto.graph.node if node.name}
        self._producers = {name: node for node in proto.graph.node for name in node.output if name}

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def of(self, name: str, outputs: Sequence[str] = ()) -> onnx.NodeProto | None:
        """The node that `name`, which computes the tensors `outputs`, came from; None where nothing says so."""
        for key in (name, *outputs):
            found = self._nodes.get(key) or self._producers.get(key)
            if found is not None:
                return found
        for key in (name, name.partition(":")[2], *outputs):
            known = [n for n in (*self._nodes, *self._producers) if _begins(key, n)]
            if known:
                longest = max(known, key=len)
                return self._nodes.get(longest) or self._producers[longest]
        return None


def _begins(text: str, name: str) -> bool:
    if not name or not text.startswith(name) or len(text) == len(name):
        return False
    return text[len(name)] in (_ENDS + _ENDS_OF_LONG_NAMES if len(name) >= _LONG else _ENDS)
