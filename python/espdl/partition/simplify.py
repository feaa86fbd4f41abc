# SPDX-License-Identifier: Apache-2.0
"""Rewrites between layout and matching: reshapes in one form, moves on int8, one dequantize per reader."""

from __future__ import annotations

import numpy as np
import tvm
from tvm import relax

from espdl.partition.rewriter import Rewriter
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of

# ONNX operators that cost nothing: their output is their input's memory.
ALIASES = ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
_RESHAPES = {"relax.reshape", "relax.squeeze", "relax.expand_dims", "relax.flatten"}
_MOVES = {"relax.reshape", "relax.permute_dims"}


class Reshapes(Rewriter):
    """Every operator that only gives other dimensions becomes relax.reshape; a reshape to the same shape vanishes."""

    def call(self, variable, call):
        if op_name(call) not in _RESHAPES:
            return super().call(variable, call)
        source = self.map(call.args[0])
        behind = self.definition(source)
        if op_name(behind) == "relax.reshape":
            source = behind.args[0]
        shape = shape_of(variable)
        if shape == shape_of(source):
            return source
        if is_constant(source):
            return relax.const(source.value.numpy().reshape(shape))
        return self.emit(relax.op.reshape(source, list(shape)), variable.name)


class Int8Moves(Rewriter):
    """quantize(move(dequantize(x))) with one scale is the move of x."""

    def call(self, variable, call):
        if op_name(call) == "relax.quantize":
            move = self.definition(self.map(call.args[0]))
            if op_name(move) in _MOVES:
                inner = self.definition(move.args[0])
                if op_name(inner) == "relax.dequantize" and _same_scale(call, inner) and not is_constant(inner.args[0]):
                    moved = tvm.ir.Call(move.op, [inner.args[0], *move.args[1:]], move.attrs, move.ty_args)
                    return self.emit(moved, variable.name)
            elif op_name(move) == "relax.dequantize" and _same_scale(call, move) and not is_constant(move.args[0]):
                return move.args[0]
        return super().call(variable, call)


def _same_scale(quantize, dequantize) -> bool:
    def same(a, b) -> bool:
        return (
            is_constant(a)
            and is_constant(b)
            and a.value.numpy().size == 1
            and np.array_equal(a.value.numpy(), b.value.numpy())
        )

    return (
        same(quantize.args[1], dequantize.args[1])
        and same(quantize.args[2], dequantize.args[2])
        and attribute(quantize, "out_dtype") == str(dequantize.args[0].ty.dtype.dtype)
    )


class OneDequantizePerReader(Rewriter):
    """A pattern may own its dequantize only if nobody else reads it."""

    def copy(self, call):
        arguments = [self._own(self.map(a)) for a in call.args]
        return tvm.ir.Call(call.op, arguments, call.attrs, call.ty_args)

    def outputs(self, body):
        return self._own(self.map(body))

    def _own(self, argument):
        if isinstance(argument, relax.Tuple):
            return relax.Tuple([self._own(f) for f in argument.fields])
        definition = self.definition(argument)
        if op_name(definition) == "relax.dequantize" and definition is not argument:
            # A call object of its own, too: the matcher finds the variable by the object.
            return self.emit(super().copy(definition), argument.name)
        return argument


def simplify(module: tvm.IRModule) -> tvm.IRModule:
    for rewrite in (Reshapes(), Int8Moves(), Reshapes(), OneDequantizePerReader()):
        module = rewrite.run(module)
    return module
