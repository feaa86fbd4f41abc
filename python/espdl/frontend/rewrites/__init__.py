# SPDX-License-Identifier: Apache-2.0
"""ONNX nodes that become other ONNX nodes before anything else looks at them.

A rewrite is one file in this folder: a function that gets a node and a chain for the nodes in its place, and returns
what takes the place of its results. What it makes may be rewritten again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import onnx
import onnx_ir as ir

from espdl import traits
from espdl.discover import discover
from espdl.frontend.graph import Chain, Results, Rewrite, rewritten

__all__ = ["apply", "rewrite", "rewrites"]

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


def apply(
    proto: onnx.ModelProto, notes: list[str] | None = None, only: Collection[str] | None = None
) -> onnx.ModelProto:
    """`proto`, whose shapes must be inferred, rewritten until nothing changes; itself where nothing did.

    `notes` gets sentences for the report. `only`: the operators whose rewrites are tried; None for all.
    """
    table = {name: found for name, found in rewrites().items() if only is None or name in only}

    def first(node: ir.Node, chain: Chain) -> Results | None:
        tried = (function(node, chain) for function in table.get(node.op_type, ()))
        return next((results for results in tried if results is not None), None)

    while any(node.op_type in table for node in proto.graph.node):
        result = rewritten(proto, first, notes)
        if result is proto:
            break
        proto = onnx.shape_inference.infer_shapes(result, data_prop=True)
    return proto
