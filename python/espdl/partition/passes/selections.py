# SPDX-License-Identifier: Apache-2.0
"""A choice between tensors of one scale is a choice between their integers."""

from __future__ import annotations

import numpy as np
import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import is_per_tensor, same_scale
from espdl.partition.tvm_compat import attribute, is_constant, op_name
from espdl.passes import Pass


class Selections(Rewriter):
    """quantize(where(c, dequantize(x), dequantize(y))) becomes where(c, x, y); numbers are quantised here."""

    def call(self, variable, call):
        if op_name(call) != "relax.quantize" or not is_per_tensor(call):
            return super().call(variable, call)
        where = self.definition(self.map(call.args[0]))
        if op_name(where) != "relax.where":
            return super().call(variable, call)
        operands = [self._integers(operand, call) for operand in where.args[1:]]
        if any(operand is None for operand in operands):
            return super().call(variable, call)
        return self.emit(relax.op.where(where.args[0], *operands), variable.name)

    def _integers(self, operand, quantize):
        """What an operand is at the scale of `quantize`; None where it has another."""
        if is_constant(operand):
            return _quantized(operand.value.numpy(), quantize)
        dequantize = self.definition(operand)
        if op_name(dequantize) != "relax.dequantize" or not same_scale(quantize, dequantize):
            return None
        return dequantize.args[0]


def _quantized(values: np.ndarray, quantize) -> tvm.ir.GenericConst:
    """As ONNX quantises: in float32, ties to even, saturated."""
    dtype = attribute(quantize, "out_dtype")
    scale, zero_point = (a.value.numpy().reshape(()) for a in quantize.args[1:3])
    steps = np.rint(values.astype(np.float32) / np.float32(scale)) + np.float32(zero_point)
    info = np.iinfo(dtype)
    return relax.const(np.clip(steps, info.min, info.max).astype(dtype))


PASS = Pass("selections", lambda module, _: Selections().run(module), leaves=("integer_selections",))
