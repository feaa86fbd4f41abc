# SPDX-License-Identifier: Apache-2.0
"""ONNX nodes that become other ONNX nodes before anything else looks at them.

A rewrite is one file in this folder: a function that gets a node and the graph around it, and returns what takes the
node's place. What it returns may be rewritten again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import onnx

from espdl import traits
from espdl.discover import discover
from espdl.frontend import forms
from espdl.frontend.rewrites.scope import Scope

__all__ = ["Scope", "apply", "rewrite", "rewrites"]

# (node, the graph around it) -> the nodes in its place, or None where it stays.
Rewrite = Callable[[onnx.NodeProto, Scope], "list[onnx.NodeProto] | None"]
_registry: dict[str, list[Rewrite]] = {}


def rewrite(*operators: str) -> Callable[[Rewrite], Rewrite]:
    """Function decorator: registers how nodes of these ONNX operators are rewritten. The first that applies does it."""

    def register(function: Rewrite) -> Rewrite:
        for name in operators:
            _registry.setdefault(name, []).append(function)
        return function

    return register


@cache
def rewrites() -> Mapping[str, Sequence[Rewrite]]:
    """All rewrites by ONNX operator, found in this package's files."""
    discover(__name__)
    traits.check(_registry, __name__)
    return dict(sorted(_registry.items()))


def apply(proto: onnx.ModelProto, notes: list[str] | None = None, only: Collection[str] | None = None) -> bool:
    """Rewrites `proto`, whose shapes must be inferred, in place until nothing changes; whether anything did.

    `notes` gets sentences for the report. `only`: the operators whose rewrites are tried; None for all.
    """
    table = {name: found for name, found in rewrites().items() if only is None or name in only}
    changed = False
    while any(node.op_type in table for node in proto.graph.node):
        scope = Scope(proto, notes)
        nodes: list[onnx.NodeProto] = []
        again = False
        for node in proto.graph.node:
            tried = (function(node, scope) for function in table.get(node.op_type, ()))
            replaced = next((nodes for nodes in tried if nodes is not None), None)
            again |= replaced is not None
            nodes += [node] if replaced is None else replaced
        if not again:
            break
        changed = True
        scope.replace_nodes(nodes)
        forms.remove_unused(proto)
    return changed
