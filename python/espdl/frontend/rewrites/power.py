# SPDX-License-Identifier: Apache-2.0
"""Powers that are a product, a root or a reciprocal: those are exact in every C library, and cheaper."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

# Exponent -> operators, the innermost first. A product is that of the value with itself.
_FORMS = {2.0: ("Mul",), 1.0: ("Identity",), 0.5: ("Sqrt",), -0.5: ("Sqrt", "Reciprocal"), -1.0: ("Reciprocal",)}


@rewrite("Pow")
def power(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    base, exponent = node.input[0], scope.array(node.input[1])
    if exponent is None or exponent.size != 1 or scope.dtype(base) != TensorProto.FLOAT:
        return None
    form = _FORMS.get(float(exponent.reshape(())))
    shape = scope.shape(base)
    if form is None or scope.array(base) is not None or shape is None or exponent.ndim > len(shape):
        return None
    chain = Chain(scope, node.name or node.output[0])
    value = base
    for operator in form:
        output = node.output[0] if operator == form[-1] else None
        value = chain.add(operator, *([value] * (2 if operator == "Mul" else 1)), output=output)
    if node.name:
        chain.nodes[-1].name = node.name
    return chain.nodes
