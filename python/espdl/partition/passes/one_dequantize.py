# SPDX-License-Identifier: Apache-2.0
"""Every consumer has a dequantize of its own: a pattern may take one only if nobody else reads it."""

from __future__ import annotations

import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.tvm_compat import op_name
from espdl.passes import Pass


class OneDequantize(Rewriter):
    def copy(self, call: relax.Call) -> relax.Call:
        arguments = [self._own(self.map(a)) for a in call.args]
        return tvm.ir.Call(call.op, arguments, call.attrs, call.ty_args)

    def outputs(self, body: relax.Expr) -> relax.Expr:
        return self._own(self.map(body))

    def _own(self, argument: relax.Expr) -> relax.Expr:
        if isinstance(argument, relax.Tuple):
            return relax.Tuple([self._own(f) for f in argument.fields])
        definition = self.definition(argument)
        if op_name(definition) == "relax.dequantize" and definition is not argument:
            # A call object of its own, too: the matcher finds the variable by the object.
            return self.emit(super().copy(definition), argument.name)
        return argument


PASS = Pass("one_dequantize", OneDequantize.apply, needs=("reshapes",), leaves=("one_dequantize",))
