# SPDX-License-Identifier: Apache-2.0
"""Changes from one scale to another: part of the layer or the table that makes the tensor, where nobody else reads it.

Models that came quantised have them, as quantize(dequantize(x)) with two scales, and so does data movement whose
parts have several. What makes them cheap:

- They go in front of reshapes, permutations, slices and repetitions.
- A layer computes its sum at the new scale at once. The old pair's range stays, as an activation, because a ReLU may be
  nothing but that. Its rounding goes, so that the result is nearer to the float model's, and at most one step from what
  is written. That is only done where the new step is not finer than the old one; elsewhere a table does both roundings.
"""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from espdl.errors import present
from espdl.partition import deep
from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import per_tensor, same_scale
from espdl.partition.tvm_compat import is_constant, number_of, op_name
from espdl.passes import Pass

_MOVES = {"relax.reshape", "relax.permute_dims", "relax.strided_slice", "relax.take", "relax.broadcast_to"}
_LAYERS = {
    "relax.nn.conv2d", "relax.nn.conv2d_transpose", "relax.matmul", "relax.add", "relax.subtract", "relax.multiply",
}  # fmt: skip


class FoldRequantize(Rewriter):
    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        dequantize: Any = self.old.get(call.args[0]) if op_name(call) == "relax.quantize" else None
        result = None
        if op_name(dequantize) == "relax.dequantize" and self.uses[call.args[0]] == 1 and _is_int8(call, dequantize):
            result = deep.run(self._earlier(dequantize.args[0], dequantize, call, variable.name))
        return super().call(variable, call) if result is None else result

    def _earlier(
        self, source: relax.Expr, dequantize: relax.Call, quantize: relax.Call, name: str, only_layers: bool = False
    ) -> deep.Steps:
        """quantize(dequantize(source)) made of what `source` is made of; None where something else reads that.

        With `only_layers` it is None, too, where it takes a table.
        """
        producer: Any = self.old.get(source)
        if self.uses[source] != 1 or (op_name(producer) == "relax.take" and not is_constant(producer.args[1])):
            return None
        if op_name(producer) == "relax.concat":  # one table after it is better than one for each part
            parts = []
            for part in producer.args[0].fields:
                parts.append((yield self._earlier(part, dequantize, quantize, name, True)))
            return (
                None
                if any(part is None for part in parts)
                else self.emit(self._with_operand(producer, relax.Tuple(parts)), name)
            )
        if op_name(producer) in _MOVES:
            part = yield self._earlier(producer.args[0], dequantize, quantize, name, only_layers)
            return None if part is None else self.emit(self._with_operand(producer, part), name)
        if op_name(producer) != "relax.quantize" or not same_scale(producer, dequantize):
            return None
        real = self._saturated(producer, quantize)
        if real is None and only_layers:
            return None
        if real is None:
            real = self.emit(self._with_operand(dequantize, self.map(source)))
        return self.emit(self._with_operand(quantize, real), name)

    def _saturated(self, first: relax.Call, second: relax.Call) -> relax.Expr | None:
        """What the layer before `first`, a quantize, computes, in the range of `first`; None where it is no layer, or
        where `second` has finer steps."""
        real = first.args[0]
        before, after = present(per_tensor(first)), present(per_tensor(second))
        if before.scale > after.scale or self.uses[real] != 1:
            return None
        low, high = before.range
        activation: Any = self.old.get(real)
        layer = real
        if op_name(activation) == "relax.nn.relu":
            low, layer = max(low, 0.0), activation.args[0]
        elif op_name(activation) == "relax.clip":
            least, most = (number_of(a) for a in activation.args[1:3])
            low, high, layer = max(low, least), min(high, most), activation.args[0]
        if op_name(self.old.get(layer)) not in _LAYERS or not low < high:
            return None
        least, most = after.range
        if layer is real and low <= least and most <= high:
            return self.map(real)
        return self.emit(relax.op.clip(self.map(layer), low, high))

    def _with_operand(self, call: relax.Call, operand: relax.Expr) -> relax.Expr:
        """`call` with another first operand."""
        return tvm.ir.Call(call.op, [operand, *map(self.map, call.args[1:])], call.attrs, call.ty_args)


def _is_int8(quantize: relax.Call, dequantize: relax.Call) -> bool:
    """Whether both have one scale and int8 on their other side."""
    found = per_tensor(quantize), per_tensor(dequantize)
    return all(known is not None and known.dtype == "int8" for known in found)


PASS = Pass(
    "fold_requantize",
    FoldRequantize.apply,
    needs=("integer_moves",),
    leaves=("folded",),
    undoes=("tables", "reshapes", "one_quantize"),
)
