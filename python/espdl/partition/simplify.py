# SPDX-License-Identifier: Apache-2.0
"""Rewrites between layout and matching: reshapes in one form, moves on int8, one dequantize per reader."""

from __future__ import annotations

import math

import numpy as np
import tvm
from tvm import relax

from espdl.partition.requantization import AtTheMaker, OneQuantize, OneScale, all_variables, is_per_tensor, same_scale
from espdl.partition.rewriter import Rewriter
from espdl.partition.selections import Selections
from espdl.partition.tables import Tables
from espdl.partition.tvm_compat import attribute, dtype_of, is_constant, op_name, shape_of

# ONNX operators that cost nothing: their output is their input's memory.
ALIASES = ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
_RESHAPES = {"relax.reshape", "relax.squeeze", "relax.expand_dims", "relax.flatten"}
_MOVES = {
    "relax.reshape", "relax.permute_dims", "relax.concat", "relax.strided_slice", "relax.take", "relax.nn.pad",
    "relax.broadcast_to",
}  # fmt: skip


class Reshapes(Rewriter):
    """Every operator that only gives other dimensions becomes relax.reshape; a reshape to the same shape vanishes.

    So does a permutation that leaves all axes but those of size 1 in their order.
    """

    def call(self, variable, call):
        if op_name(call) not in _RESHAPES and not _moves_nothing(call):
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
        weights = _reshaped_weights(self.definition(source), shape)
        return self.emit(relax.op.reshape(source, list(shape)) if weights is None else weights, variable.name)


def _reshaped_weights(dequantize, shape: tuple[int, ...]):
    """A dequantize of a constant with other dimensions; None where it is none, or where its scales have no axis then.

    Patterns know weights behind a permutation, such as a Gemm's with transB, and not behind the reshape that is left of
    it for one output or one input.
    """
    if op_name(dequantize) != "relax.dequantize" or not is_constant(dequantize.args[0]):
        return None
    values, axis = dequantize.args[0].value.numpy(), 0
    if not is_per_tensor(dequantize):
        old = attribute(dequantize, "axis") % values.ndim
        before, size = math.prod(values.shape[:old]), values.shape[old]
        places = [a for a, s in enumerate(shape) if s == size and math.prod(shape[:a]) == before]
        if not places:
            return None
        axis = places[0]
    return relax.op.dequantize(
        relax.const(values.reshape(shape)), *dequantize.args[1:3], axis, attribute(dequantize, "out_dtype")
    )


def _moves_nothing(call) -> bool:
    if op_name(call) != "relax.permute_dims":
        return False
    shape = shape_of(call.args[0])
    moved = [axis for axis in attribute(call, "axes") or range(len(shape))[::-1] if shape[axis] != 1]
    return moved == sorted(moved)


class Int8Moves(Rewriter):
    """Moves work on int8: move(dequantize(x)) becomes dequantize(move(x)), and quantize(dequantize(x)) is x.

    Where the parts of a move are quantised otherwise than its result, they are brought to the result's scale first,
    which changes no value: quantising and moving commute.
    """

    def call(self, variable, call):
        if op_name(call) in _MOVES:
            parts = self._parts(self.copy(call))
            behind = [self.definition(p) for p in parts]
            if all_variables(behind) and all(_alike(behind[0], other) for other in behind[1:]):
                return self._dequantized(variable, call, behind)
        if op_name(call) == "relax.quantize":
            source = self.map(call.args[0])
            inner = self.definition(source)
            if op_name(inner) == "relax.dequantize" and same_scale(call, inner) and not is_constant(inner.args[0]):
                return inner.args[0]
            if op_name(inner) in _MOVES:
                behind = [self.definition(p) for p in self._parts(inner)]
                if all(op_name(b) == "relax.dequantize" and is_per_tensor(b) for b in behind):
                    parts = [self._at_scale(b, call) for b in behind]
                    return self.emit(_move(inner, parts, call), variable.name)
        return super().call(variable, call)

    @staticmethod
    def _parts(call) -> list:
        data = call.args[0]
        return list(data.fields) if isinstance(data, relax.Tuple) else [data]

    def _dequantized(self, variable, call, behind: list):
        first = behind[0]
        moved = self.emit(_move(self.copy(call), [b.args[0] for b in behind], first), variable.name)
        return self.emit(_on(first, moved), variable.name)

    def _at_scale(self, dequantize, quantize):
        """What `dequantize` reads, quantised as `quantize` does it."""
        source = dequantize.args[0]
        if same_scale(quantize, dequantize):
            return source
        if is_constant(source):
            return _requantized(source, dequantize, quantize)
        real = self.emit(dequantize, source.name)
        return self.emit(_on(quantize, real), source.name)


def _on(call, data):
    """A quantize or dequantize with one scale, of `data`; its axis means nothing then, but must exist."""
    if call.attrs.axis < len(shape_of(data)):
        return tvm.ir.Call(call.op, [data, *call.args[1:]], call.attrs, call.ty_args)
    make = relax.op.quantize if op_name(call) == "relax.quantize" else relax.op.dequantize
    return make(data, *call.args[1:], axis=-1, out_dtype=str(call.attrs.out_dtype))


def _alike(a, b) -> bool:
    """Whether two dequantizes have one scale."""
    return all(np.array_equal(x.value.numpy(), y.value.numpy()) for x, y in zip(a.args[1:3], b.args[1:3])) and (
        str(a.args[0].ty.dtype.dtype) == str(b.args[0].ty.dtype.dtype)
    )


def _requantized(constant, dequantize, quantize):
    """A quantised constant at the scale of `quantize`."""
    scale, zero_point = (a.value.numpy().reshape(()) for a in dequantize.args[1:3])
    new_scale, new_zero_point = (a.value.numpy().reshape(()) for a in quantize.args[1:3])
    real = (constant.value.numpy().astype(np.float32) - np.float32(zero_point)) * scale
    dtype = attribute(quantize, "out_dtype")
    info = np.iinfo(dtype)
    steps = np.rint(real / new_scale) + np.float32(new_zero_point)
    return relax.const(np.clip(steps, info.min, info.max).astype(dtype))


def _move(move, parts: list, quantization):
    """`move` with other operands; what it fills in is brought to the scale of `quantization`, which has a scale."""
    data = relax.Tuple(parts) if isinstance(move.args[0], relax.Tuple) else parts[0]
    if op_name(move) == "relax.nn.pad":
        scale, zero_point = (float(a.value.numpy().reshape(())) for a in quantization.args[1:3])
        info = np.iinfo(_integers_of(quantization))
        value = float(np.clip(np.rint(attribute(move, "pad_value") / scale) + zero_point, info.min, info.max))
        return relax.op.nn.pad(data, attribute(move, "pad_width"), attribute(move, "pad_mode"), value)
    return tvm.ir.Call(move.op, [data, *move.args[1:]], move.attrs, move.ty_args)


def _integers_of(quantization) -> str:
    """What a quantize writes, or a dequantize reads."""
    return (
        dtype_of(quantization.args[0])
        if op_name(quantization) == "relax.dequantize"
        else attribute(quantization, "out_dtype")
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


def prepare(module: tvm.IRModule) -> tvm.IRModule:
    """What a choice of layout wants to see: functions of one tensor as tables, moves on int8.

    Moves bring their operands to one scale; behind a layer that is part of it, behind a table one table again.
    """
    for rewrite in (
        Reshapes(), OneQuantize(), Tables(), OneScale(), Int8Moves(), AtTheMaker(), Tables(), Reshapes(),
        Selections(),
    ):  # fmt: skip
        module = rewrite.run(module)
    return module


def simplify(module: tvm.IRModule) -> tvm.IRModule:
    for rewrite in (Reshapes(), Int8Moves(), Reshapes(), OneDequantizePerReader()):
        module = rewrite.run(module)
    return module
