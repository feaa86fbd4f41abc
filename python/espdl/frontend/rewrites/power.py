# SPDX-License-Identifier: Apache-2.0
"""Powers that are a product, a root or a reciprocal: those are exact in every C library, and cheaper."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.graph import FLOAT, Chain, array, operand, shape
from espdl.frontend.rewrites import rewrite

# Exponent -> operators, the innermost first. A product is that of the value with itself.
_FORMS = {2.0: ("Mul",), 1.0: ("Identity",), 0.5: ("Sqrt",), -0.5: ("Sqrt", "Reciprocal"), -1.0: ("Reciprocal",)}


@rewrite("Pow")
def power(node: ir.Node, chain: Chain) -> ir.Value | None:
    value, exponent = operand(node, 0), array(node.inputs[1])
    if exponent is None or exponent.size != 1 or value.dtype != FLOAT:
        return None
    form, sizes = _FORMS.get(float(exponent.reshape(()))), shape(value)
    if form is None or array(value) is not None or sizes is None or exponent.ndim > len(sizes):
        return None
    for operator in form:
        name = node.name if operator == form[-1] else None
        value = chain.add(operator, *[value] * (2 if operator == "Mul" else 1), name=name)
    return value
