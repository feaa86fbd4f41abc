# SPDX-License-Identifier: Apache-2.0
"""Models that compute with the integers themselves (QLinearConv, QGemm, ConvInteger ...), brought to Q/DQ form.

What they mean is: dequantise the operands, compute, quantise the result. That is written down in nodes of ONNX, so that
later stages know one form only. A form is one function in a file of this folder, found by its operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import onnx
import onnx_ir as ir

from espdl import traits
from espdl.discover import discover
from espdl.frontend.graph import Results, rewritten
from espdl.frontend.operator_form.form import Form
from espdl.quantization import Quantization

__all__ = ["Form", "expand", "form", "forms"]

# What takes the place of the results of a form's node; None where it stays as it is.
Expand = Callable[[Form], "Results | None"]
# ONNX's own, and what ONNX Runtime adds.
_DOMAINS = ("", "com.microsoft")
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


def expand(proto: onnx.ModelProto, label: str) -> onnx.ModelProto:
    """`proto` with what such nodes mean in their place; itself where it has none. Raises EspdlError where a scale is
    not fixed."""
    table = forms()
    known: dict[ir.Value, Quantization] = {}

    def chain_of(*arguments: Any) -> Form:
        return Form(*arguments, known, label)

    def meaning(node: ir.Node, f: Form) -> Results | None:
        return table[node.op_type](f) if node.domain in _DOMAINS and node.op_type in table else None

    result = rewritten(proto, meaning, chain_of=chain_of)
    if result is not proto:
        del result.graph.value_info[:]
        if not any(o.domain in ("", "ai.onnx") for o in result.opset_import):
            result.opset_import.append(onnx.helper.make_opsetid("", 13))
    return result
