# SPDX-License-Identifier: Apache-2.0
"""A tensor that is quantised several times in one way is quantised once: some exporters write a pair per reader."""

from __future__ import annotations

import tvm

from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import is_per_tensor
from espdl.partition.tvm_compat import attribute, op_name
from espdl.passes import Pass


class OneQuantize(Rewriter):
    """Among quantizes with one scale; `known`: tensor and numbers -> what was made of them first."""

    def run(self, module: tvm.IRModule) -> tvm.IRModule:
        self.known: dict = {}
        return super().run(module)

    def call(self, variable, call):
        if op_name(call) != "relax.quantize" or not is_per_tensor(call):
            return super().call(variable, call)
        numbers = tuple(a.value.numpy().item() for a in call.args[1:3])
        key = (self.map(call.args[0]), *numbers, attribute(call, "out_dtype"))
        if key not in self.known:
            self.known[key] = super().call(variable, call)
        return self.known[key]


PASS = Pass("one_quantize", lambda module, _: OneQuantize().run(module), leaves=("one_quantize",))
