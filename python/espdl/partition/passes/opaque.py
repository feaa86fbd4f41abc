# SPDX-License-Identifier: Apache-2.0
"""Calls of composite functions become calls of names, so that TVM's lowering leaves them alone."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.passes import Pass


class Opaque(Rewriter):
    """`functions`: those that it has taken out of modules, by the names that main calls."""

    def __init__(self, module: tvm.IRModule, functions: dict[str, relax.Function]):
        super().__init__(module)
        self.functions = functions

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        function = self.module[call.op] if isinstance(call.op, tvm.ir.GlobalVar) else None
        if function is None or not function.attrs or "Composite" not in function.attrs:
            return super().call(variable, call)
        name = f"composite_{len(self.functions)}"
        self.functions[name] = function
        arguments = relax.Tuple([self.map(a) for a in call.args])
        return self.emit(relax.op.call_dps_packed(name, arguments, call.ty), variable.name)


PASS: Pass[tvm.IRModule, Any] = Pass(
    "opaque",
    lambda module, composites: Opaque(module, composites.functions).run(),
    needs=("composites",),
    leaves=("opaque",),
)
