# SPDX-License-Identifier: Apache-2.0
"""Changes from one scale to another: part of the layer or the table that makes the tensor, where nobody else reads it.

Models that came quantised have them, as quantize(dequantize(x)) with two scales, and so do moves whose parts have
several. What makes them cheap:

- Those of one tensor to one scale are one.
- max(a, b) at another scale is the maximum of both at that scale, because rounding never changes an order.
- They go in front of reshapes, permutations, slices and repetitions.
- A layer computes its sum at the new scale at once. The old pair's range stays, as an activation, because a ReLU may be
  nothing but that. Its rounding goes, so that the result is nearer to the float model's, and at most one step from what
  is written. That is only done where the new step is not finer than the old one; elsewhere a table does both roundings.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import tvm
from tvm import relax

from espdl.partition import deep
from espdl.partition.rewriter import Rewriter
from espdl.partition.tvm_compat import attribute, is_constant, number_of, op_name, variables

_ORDERED = {"relax.maximum", "relax.minimum", "relax.nn.max_pool2d", "relax.max", "relax.min"}
_MOVES = {"relax.reshape", "relax.permute_dims", "relax.strided_slice", "relax.take", "relax.broadcast_to"}
_LAYERS = {
    "relax.nn.conv2d", "relax.nn.conv2d_transpose", "relax.matmul", "relax.add", "relax.subtract", "relax.multiply",
}  # fmt: skip


class OneQuantize(Rewriter):
    """A tensor that is quantised several times in one way is quantised once: some exporters write a pair per reader."""

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


class OneScale(Rewriter):
    """Operands of what only compares get the scale of its result."""

    def call(self, variable, call):
        if op_name(call) != "relax.quantize" or not is_per_tensor(call):
            return super().call(variable, call)
        ordered = self.definition(self.map(call.args[0]))
        if op_name(ordered) not in _ORDERED:
            return super().call(variable, call)
        behind = [self.definition(a) for a in ordered.args]
        if not all_variables(behind) or all(same_scale(call, b) for b in behind):
            return super().call(variable, call)
        operands = [self._at_scale(a, b, call) for a, b in zip(ordered.args, behind)]
        result = self.emit(tvm.ir.Call(ordered.op, operands, ordered.attrs, ordered.ty_args), call.args[0].name)
        return self.emit(tvm.ir.Call(call.op, [result, *call.args[1:]], call.attrs, call.ty_args), variable.name)

    def _at_scale(self, real, dequantize, quantize):
        if same_scale(quantize, dequantize):
            return real
        steps = self.emit(tvm.ir.Call(quantize.op, [real, *quantize.args[1:]], quantize.attrs, quantize.ty_args))
        axis, dtype = attribute(quantize, "axis"), attribute(dequantize, "out_dtype")
        return self.emit(relax.op.dequantize(steps, *quantize.args[1:3], axis=axis, out_dtype=dtype))


class AtTheMaker(Rewriter):
    """Changes of scale go to where the tensor is made."""

    def run(self, module: tvm.IRModule) -> tvm.IRModule:
        main = module["main"]
        self.old = {b.var: b.value for block in main.body.blocks for b in block.bindings}
        self.uses = Counter(v for value in (*self.old.values(), main.body.body) for v in variables(value))
        return super().run(module)

    def call(self, variable, call):
        dequantize = self.old.get(call.args[0]) if op_name(call) == "relax.quantize" else None
        result = None
        if op_name(dequantize) == "relax.dequantize" and self.uses[call.args[0]] == 1 and _is_int8(call, dequantize):
            result = deep.run(self._earlier(dequantize.args[0], dequantize, call, variable.name))
        return super().call(variable, call) if result is None else result

    def _earlier(self, source, dequantize, quantize, name: str, only_layers: bool = False) -> deep.Steps:
        """quantize(dequantize(source)) made of what `source` is made of; None where something else reads that.

        With `only_layers` it is None, too, where it takes a table.
        """
        maker = self.old.get(source)
        if self.uses[source] != 1 or (op_name(maker) == "relax.take" and not is_constant(maker.args[1])):
            return None
        if op_name(maker) == "relax.concat":  # one table behind it is better than one for each part
            parts = []
            for part in maker.args[0].fields:
                parts.append((yield self._earlier(part, dequantize, quantize, name, True)))
            return (
                None
                if any(part is None for part in parts)
                else self.emit(self._with_operand(maker, relax.Tuple(parts)), name)
            )
        if op_name(maker) in _MOVES:
            part = yield self._earlier(maker.args[0], dequantize, quantize, name, only_layers)
            return None if part is None else self.emit(self._with_operand(maker, part), name)
        if op_name(maker) != "relax.quantize" or not same_scale(maker, dequantize):
            return None
        real = self._saturated(maker, quantize)
        if real is None and only_layers:
            return None
        if real is None:
            real = self.emit(self._with_operand(dequantize, self.map(source)))
        return self.emit(self._with_operand(quantize, real), name)

    def _saturated(self, first, second):
        """What the layer before `first`, a quantize, computes, in the range of `first`; None where it is no layer, or
        where `second` has finer steps."""
        real = first.args[0]
        if _scale(first) > _scale(second) or self.uses[real] != 1:
            return None
        low, high = range_of(first, attribute(first, "out_dtype"))
        activation, layer = self.old.get(real), real
        if op_name(activation) == "relax.nn.relu":
            low, layer = max(low, 0.0), activation.args[0]
        elif op_name(activation) == "relax.clip":
            least, most = (number_of(a) for a in activation.args[1:3])
            low, high, layer = max(low, least), min(high, most), activation.args[0]
        if op_name(self.old.get(layer)) not in _LAYERS or not low < high:
            return None
        least, most = range_of(second, attribute(second, "out_dtype"))
        if layer is real and low <= least and most <= high:
            return self.map(real)
        return self.emit(relax.op.clip(self.map(layer), low, high))

    def _with_operand(self, call, operand):
        """`call` with another first operand."""
        return tvm.ir.Call(call.op, [operand, *map(self.map, call.args[1:])], call.attrs, call.ty_args)


def _is_int8(quantize, dequantize) -> bool:
    """Whether both have one scale and int8 on their other side."""
    dtypes = attribute(quantize, "out_dtype"), str(dequantize.args[0].ty.dtype.dtype)
    return is_per_tensor(quantize) and is_per_tensor(dequantize) and dtypes == ("int8", "int8")


def is_per_tensor(call) -> bool:
    """Whether a quantize or dequantize has one scale."""
    return all(is_constant(c) and c.value.numpy().size == 1 for c in call.args[1:3])


def all_variables(definitions: list) -> bool:
    """Whether all are dequantizes, with one scale, of something that is no constant."""
    return all(
        op_name(d) == "relax.dequantize" and is_per_tensor(d) and not is_constant(d.args[0]) for d in definitions
    )


def same_scale(quantize, dequantize) -> bool:
    """Whether a dequantize with one scale reads what a quantize writes, in scale, zero point and type."""

    def same(a, b) -> bool:
        return is_constant(a) and a.value.numpy().size == 1 and np.array_equal(a.value.numpy(), b.value.numpy())

    return (
        is_per_tensor(dequantize)
        and all(same(a, b) for a, b in zip(quantize.args[1:3], dequantize.args[1:3]))
        and attribute(quantize, "out_dtype") == str(dequantize.args[0].ty.dtype.dtype)
    )


def range_of(call, dtype: str) -> tuple[float, float]:
    """The least and the largest real value of integers with the scale and zero point of a quantize or dequantize."""
    scale, zero_point = _scale(call), float(call.args[2].value.numpy().reshape(()))
    info = np.iinfo(dtype)
    return scale * (info.min - zero_point), scale * (info.max - zero_point)


def _scale(call) -> float:
    return float(call.args[1].value.numpy().reshape(()))
