# SPDX-License-Identifier: Apache-2.0
"""A choice between tensors of one scale is a choice between their integers."""

from __future__ import annotations

import numpy as np
from tvm import relax

from espdl.errors import present
from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import per_tensor, same_scale
from espdl.partition.tvm_compat import is_constant, op_name
from espdl.passes import Pass


class Selections(Rewriter):
    """quantize(where(c, dequantize(x), dequantize(y))) becomes where(c, x, y); numbers are quantised here."""

    looks_for = ("relax.where",)

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        if op_name(call) != "relax.quantize" or not per_tensor(call):
            return super().call(variable, call)
        where = self.definition(self.map(call.args[0]))
        if op_name(where) != "relax.where":
            return super().call(variable, call)
        operands = [self._integers(operand, call) for operand in where.args[1:]]
        if any(operand is None for operand in operands):
            return super().call(variable, call)
        return self.emit(relax.op.where(where.args[0], *operands), variable.name)

    def _integers(self, operand: relax.Expr, quantize: relax.Call) -> relax.Expr | None:
        """What an operand is at the scale of `quantize`; None where it has another."""
        if is_constant(operand):
            return relax.const(present(per_tensor(quantize)).quantize(operand.value.numpy().astype(np.float32)))
        dequantize = self.definition(operand)
        if op_name(dequantize) != "relax.dequantize" or not same_scale(quantize, dequantize):
            return None
        return dequantize.args[0]


PASS = Pass("selections", Selections.apply, leaves=("integer_selections",))
