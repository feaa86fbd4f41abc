# SPDX-License-Identifier: Apache-2.0
"""A tensor that is quantised several times in one way is quantised once: some exporters write a pair per consumer."""

from __future__ import annotations

import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import per_tensor
from espdl.partition.tvm_compat import op_name
from espdl.passes import Pass


class OneQuantize(Rewriter):
    """Among quantizes with one scale; `known`: tensor and numbers -> what was made of them first."""

    def __init__(self, module: tvm.IRModule):
        super().__init__(module)
        self.known: dict = {}

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        known = per_tensor(call) if op_name(call) == "relax.quantize" else None
        if known is None:
            return super().call(variable, call)
        key = (self.map(call.args[0]), float(known.scale), known.zero_point, known.dtype)
        if key not in self.known:
            self.known[key] = super().call(variable, call)
        return self.known[key]


PASS = Pass("one_quantize", OneQuantize.apply, leaves=("one_quantize",))
