# SPDX-License-Identifier: Apache-2.0
"""Data moves as integers: move(dequantize(x)) becomes dequantize(move(x)), and quantize(dequantize(x)) is x."""

from __future__ import annotations

import numpy as np
import tvm
from tvm import relax

from espdl.errors import present
from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import of_variable, per_tensor, same_scale
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of
from espdl.passes import Pass

_MOVES = {
    "relax.reshape", "relax.permute_dims", "relax.concat", "relax.strided_slice", "relax.take", "relax.nn.pad",
    "relax.broadcast_to",
}  # fmt: skip


class DataMovement(Rewriter):
    """Where the parts of a move are quantised otherwise than its result, they are brought to the result's scale first,
    which changes no value: quantising and moving commute.
    """

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        if op_name(call) in _MOVES:
            parts = self._parts(self.copy(call))
            sources = [self.definition(p) for p in parts]
            if all(map(of_variable, sources)) and all(same_scale(sources[0], other) for other in sources[1:]):
                return self._dequantized(variable, call, sources)
        if op_name(call) == "relax.quantize":
            source = self.map(call.args[0])
            inner = self.definition(source)
            if op_name(inner) == "relax.dequantize" and same_scale(call, inner) and not is_constant(inner.args[0]):
                return inner.args[0]
            if op_name(inner) in _MOVES:
                sources = [self.definition(p) for p in self._parts(inner)]
                if all(op_name(b) == "relax.dequantize" and per_tensor(b) for b in sources):
                    parts = [self._at_scale(b, call) for b in sources]
                    return self.emit(_move(inner, parts, call), variable.name)
        return super().call(variable, call)

    @staticmethod
    def _parts(call: relax.Call) -> list:
        data = call.args[0]
        return list(data.fields) if isinstance(data, relax.Tuple) else [data]

    def _dequantized(self, variable: relax.Var, call: relax.Call, sources: list) -> relax.Expr:
        first = sources[0]
        moved = self.emit(_move(self.copy(call), [b.args[0] for b in sources], first), variable.name)
        return self.emit(_on(first, moved), variable.name)

    def _at_scale(self, dequantize: relax.Call, quantize: relax.Call) -> relax.Expr:
        """What `dequantize` reads, quantised as `quantize` does it."""
        source = dequantize.args[0]
        if same_scale(quantize, dequantize):
            return source
        if is_constant(source):
            real = present(per_tensor(dequantize)).dequantize(source.value.numpy())
            return relax.const(present(per_tensor(quantize)).quantize(real))
        real = self.emit(dequantize, source.name)
        return self.emit(_on(quantize, real), source.name)


def _on(call: relax.Call, data: relax.Expr) -> relax.Expr:
    """A quantize or dequantize with one scale, of `data`; its axis means nothing then, but must exist."""
    if call.attrs.axis < len(shape_of(data)):
        return tvm.ir.Call(call.op, [data, *call.args[1:]], call.attrs, call.ty_args)
    make = relax.op.quantize if op_name(call) == "relax.quantize" else relax.op.dequantize
    return make(data, *call.args[1:], axis=-1, out_dtype=str(call.attrs.out_dtype))


def _move(move: relax.Call, parts: list, quantization: relax.Call) -> relax.Expr:
    """`move` with other operands; what it fills in is brought to the scale of `quantization`, which has a scale."""
    data = relax.Tuple(parts) if isinstance(move.args[0], relax.Tuple) else parts[0]
    if op_name(move) == "relax.nn.pad":
        value = float(present(per_tensor(quantization)).quantize(np.float64(attribute(move, "pad_value"))))
        return relax.op.nn.pad(data, attribute(move, "pad_width"), attribute(move, "pad_mode"), value)
    return tvm.ir.Call(move.op, [data, *move.args[1:]], move.attrs, move.ty_args)


PASS = Pass(
    "data_movement",
    DataMovement.apply,
    leaves=("integer_moves",),
    undoes=("reshapes", "one_quantize", "tables"),
)
