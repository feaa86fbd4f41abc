# SPDX-License-Identifier: Apache-2.0
"""Every operator that only gives other dimensions becomes relax.reshape; a reshape to the same shape vanishes."""

from __future__ import annotations

import math

from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import per_tensor
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of
from espdl.passes import Pass

_RESHAPES = {"relax.reshape", "relax.squeeze", "relax.expand_dims", "relax.flatten"}


class Reshapes(Rewriter):
    """A permutation that leaves all axes but those of size 1 in their order only gives other dimensions, too."""

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        if op_name(call) not in _RESHAPES and not _moves_nothing(call):
            return super().call(variable, call)
        source = self.map(call.args[0])
        before = self.definition(source)
        if op_name(before) == "relax.reshape":
            source = before.args[0]
        shape = shape_of(variable)
        if shape == shape_of(source):
            return source
        if is_constant(source):
            return relax.const(source.value.numpy().reshape(shape))
        weights = _reshaped_weights(self.definition(source), shape)
        return self.emit(relax.op.reshape(source, list(shape)) if weights is None else weights, variable.name)


def _reshaped_weights(dequantize: relax.Call, shape: tuple[int, ...]) -> relax.Expr | None:
    """A dequantize of a constant with other dimensions; None where it is none, or where its scales have no axis then.

    Patterns know weights after a permutation, such as a Gemm's with transB, and not after the reshape that is left of
    it for one output or one input.
    """
    if op_name(dequantize) != "relax.dequantize" or not is_constant(dequantize.args[0]):
        return None
    values, axis = dequantize.args[0].value.numpy(), 0
    if not per_tensor(dequantize):
        old = attribute(dequantize, "axis") % values.ndim
        before, size = math.prod(values.shape[:old]), values.shape[old]
        places = [a for a, s in enumerate(shape) if s == size and math.prod(shape[:a]) == before]
        if not places:
            return None
        axis = places[0]
    return relax.op.dequantize(
        relax.const(values.reshape(shape)), *dequantize.args[1:3], axis, attribute(dequantize, "out_dtype")
    )


def _moves_nothing(call: relax.Call) -> bool:
    if op_name(call) != "relax.permute_dims":
        return False
    shape = shape_of(call.args[0])
    moved = [axis for axis in attribute(call, "axes") or range(len(shape))[::-1] if shape[axis] != 1]
    return moved == sorted(moved)


PASS = Pass("reshapes", Reshapes.apply, leaves=("reshapes",))
