# SPDX-License-Identifier: Apache-2.0
"""Operands of what only compares get the scale of its result: rounding never changes an order."""

from __future__ import annotations

import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import of_variable, per_tensor, same_scale
from espdl.partition.tvm_compat import attribute, op_name
from espdl.passes import Pass

_ORDERED = {"relax.maximum", "relax.minimum", "relax.nn.max_pool2d", "relax.max", "relax.min"}


class OneScale(Rewriter):
    """max(a, b) at another scale is the maximum of both at that scale."""

    looks_for = _ORDERED

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        if op_name(call) != "relax.quantize" or not per_tensor(call):
            return super().call(variable, call)
        ordered = self.definition(self.map(call.args[0]))
        if op_name(ordered) not in _ORDERED:
            return super().call(variable, call)
        definitions = [self.definition(a) for a in ordered.args]
        if not all(map(of_variable, definitions)) or all(same_scale(call, b) for b in definitions):
            return super().call(variable, call)
        operands = [self._at_scale(a, b, call) for a, b in zip(ordered.args, definitions)]
        result = self.emit(tvm.ir.Call(ordered.op, operands, ordered.attrs, ordered.ty_args), call.args[0].name)
        return self.emit(tvm.ir.Call(call.op, [result, *call.args[1:]], call.attrs, call.ty_args), variable.name)

    def _at_scale(self, real: relax.Expr, dequantize: relax.Call, quantize: relax.Call) -> relax.Expr:
        if same_scale(quantize, dequantize):
            return real
        steps = self.emit(tvm.ir.Call(quantize.op, [real, *quantize.args[1:]], quantize.attrs, quantize.ty_args))
        axis, dtype = attribute(quantize, "axis"), attribute(dequantize, "out_dtype")
        return self.emit(relax.op.dequantize(steps, *quantize.args[1:3], axis=axis, out_dtype=dtype))


PASS = Pass("one_scale", OneScale.apply, leaves=("one_scale",), undoes=("one_quantize",))
