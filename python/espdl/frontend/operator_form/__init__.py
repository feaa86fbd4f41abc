# SPDX-License-Identifier: Apache-2.0
"""Models that compute with the integers themselves (QLinearConv, QGemm, ConvInteger ...), brought to Q/DQ form.

What they mean is: dequantise the operands, compute, quantise the result. That is written down in nodes of ONNX, so that
later stages know one form only. A form is one function in a file of this folder, found by its operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import onnx

from espdl import traits
from espdl.discover import discover
from espdl.frontend.forms import remove_unused
from espdl.frontend.operator_form.form import Form, Grid
from espdl.frontend.rewrites.scope import Scope

__all__ = ["Form", "expand", "form", "forms"]

# Appends the nodes that take a node's place to the form; False where the node stays as it is.
Expand = Callable[[Form], "bool | None"]
# ONNX's own two names, and what ONNX Runtime adds.
_DOMAINS = ("", "ai.onnx", "com.microsoft")
_registry: dict[str, Expand] = {}


def form(*operators: str) -> Callable[[Expand], Expand]:
    """Function decorator: registers what these operators, of ONNX or of ONNX Runtime, mean."""

    def register(function: Expand) -> Expand:
        for name in operators:
            if name in _registry:
                raise ValueError(f"{name} has two forms")
            _registry[name] = function
        return function

    return register


@cache
def forms() -> Mapping[str, Expand]:
    """All forms by operator, found in this package's files."""
    discover(__name__)
    traits.check(_registry, __name__)
    return dict(sorted(_registry.items()))


def expand(proto: onnx.ModelProto, label: str) -> bool:
    """Replaces such nodes of `proto` in place; whether there were any. Raises EspdlError where a scale is not fixed."""
    table = forms()
    scope: Scope | None = None
    grids: dict[str, Grid] = {}
    nodes: list[onnx.NodeProto] = []
    done: set[str] = set()
    changed = False
    for node in proto.graph.node:
        if node.output and node.output[0] in done:
            continue
        function = table.get(node.op_type) if node.domain in _DOMAINS else None
        if function is None:
            nodes.append(node)
            continue
        if scope is None:
            _complete_opsets(proto)
            scope = Scope(proto)
        made = Form(scope, node, grids, label)
        if function(made) is False:
            nodes.append(node)
            continue
        changed = True
        nodes += made.nodes
        done |= made.taken
    if changed:
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del proto.graph.node[:]
        proto.graph.node.extend(copies)
        del proto.graph.value_info[:]
        remove_unused(proto)
    return changed


def _complete_opsets(proto: onnx.ModelProto) -> None:
    """ONNX's own operators may be made where there was none."""
    if not any(o.domain in ("", "ai.onnx") for o in proto.opset_import):
        proto.opset_import.append(onnx.helper.make_opsetid("", 13))
