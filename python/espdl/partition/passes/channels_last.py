# SPDX-License-Identifier: Apache-2.0
"""Channels last: ONNX computes in NCHW, kernels read NHWC.

Every four-dimensional value can exist in two forms, made on demand: as the model has it, and channels last. An operator
with a layout rule (a file in `layout_rules`) computes in the channels-last form; all others see the model's form.
Where a form is missing, the int8 tensor is permuted, never the float one, so that a permutation becomes a cheap move.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import tvm
from tvm import relax

from espdl.discover import discover
from espdl.partition.rewriter import Rewriter
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of
from espdl.passes import Pass

TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)

# (rewriter, call with old arguments) -> the new expression, or None where the rule does not apply. A result of four
# dimensions is channels last, any other is as the model has it.
Rule = Callable[["Layout", "tvm.ir.Call"], "tvm.ir.Call | None"]
_rules: dict[str, Rule] = {}


def rule(*operators: str, follows: bool = False) -> Callable[[Rule], Rule]:
    """Function decorator: how the Relax operators compute channels last; with `follows` only where the first operand
    is."""

    def register(function: Rule) -> Rule:
        for name in operators:
            if name in _rules:
                raise RuntimeError(f"two layout rules for '{name}'")
            _rules[name] = _following(function) if follows else function
        return function

    return register


def _following(function: Rule) -> Rule:
    return lambda layout, call: function(layout, call) if layout.has_last(call.args[0]) else None


@cache
def _all_rules() -> Mapping[str, Rule]:
    discover("espdl.partition.layout_rules")
    return _rules


class Layout(Rewriter):
    """`self.value` has the model's form of a value, `self.last` its channels-last form; either may be missing."""

    def __init__(self, module: tvm.IRModule):
        super().__init__(module)
        self.last: dict = {}

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr | None:
        found = _all_rules().get(op_name(call))
        if found is not None:
            result = found(self, call)
            if result is not None:
                result = result if isinstance(result, tvm.ir.Var) else self.emit(result, variable.name)
                if len(shape_of(variable)) != 4:
                    return result
                self.last[variable] = result
                return None
        if op_name(call) == "relax.permute_dims" and self.has_last(call.args[0]) and attribute(call, "axes") == TO_NHWC:
            return self.nhwc(call.args[0])
        return super().call(variable, call)

    def map(self, expression: relax.Expr) -> Any:
        if isinstance(expression, tvm.ir.Var) and self.value.get(expression) is None and expression in self.last:
            self.value[expression] = self._other_form(expression, self.last, self.map, TO_NCHW)
        return super().map(expression)

    def nhwc(self, expression: relax.Expr) -> relax.Expr:
        """The channels-last form of an old four-dimensional value."""
        if is_constant(expression):
            return relax.const(np.ascontiguousarray(expression.value.numpy().transpose(TO_NHWC)))
        if expression not in self.last:
            self.last[expression] = self._other_form(expression, self.value, self.nhwc, TO_NHWC)
        return self.last[expression]

    def has_last(self, expression: relax.Expr) -> bool:
        return isinstance(expression, tvm.ir.Var) and expression in self.last

    def _other_form(self, variable: relax.Var, forms: dict, convert: Callable, axes: tuple[int, ...]) -> relax.Expr:
        definition: Any = self.old.get(variable)
        if self._is_integers(definition):
            source = convert(definition.args[0])
            return self.emit(self.dequantize(source, definition, 0), variable.name)
        if axes == TO_NHWC and self._is_centred(definition):
            source, centres = self.nhwc(definition.args[0]), self.channel_constant(definition.args[1])
            return self.emit(relax.op.subtract(source, centres), variable.name)
        return self.emit(permute(forms[variable], axes), variable.name)

    def _is_integers(self, definition: Any) -> bool:
        """Whether it is an activation's dequantize."""
        return (
            op_name(definition) == "relax.dequantize"
            and isinstance(definition.args[0], tvm.ir.Var)
            and self._per_tensor(definition)
        )

    def _is_centred(self, definition: Any) -> bool:
        """Whether it takes a number away from each channel of integers, of which then these are permuted."""
        if op_name(definition) != "relax.subtract" or not is_constant(definition.args[1]):
            return False
        source, centres = definition.args
        return self._is_integers(self.old.get(source)) and shape_of(centres) == (1, shape_of(source)[1], 1, 1)

    @staticmethod
    def _per_tensor(call: relax.Call) -> bool:
        return math.prod(shape_of(call.args[1])) == 1

    @staticmethod
    def dequantize(source: relax.Expr, call: relax.Call, axis: int) -> relax.Expr:
        """`call` (a dequantize) applied to `source`."""
        return relax.op.dequantize(
            source, call.args[1], call.args[2], axis=axis, out_dtype=attribute(call, "out_dtype")
        )

    def constant_source(self, expression: relax.Expr) -> relax.Expr | None:
        """The constant, or the dequantize of one, that makes an old value (seen through a reshape); else None."""
        if is_constant(expression):
            return expression
        definition: Any = self.old.get(expression) if isinstance(expression, tvm.ir.Var) else None
        if op_name(definition) == "relax.dequantize" and is_constant(definition.args[0]):
            return definition
        if op_name(definition) == "relax.reshape":
            return self.constant_source(definition.args[0])
        return None

    def permuted_constant(self, source: relax.Expr, axes: tuple[int, ...]) -> relax.Expr:
        """What `constant_source` returned, with its axes permuted."""
        if is_constant(source):
            return relax.const(np.ascontiguousarray(source.value.numpy().transpose(axes)))
        data = relax.const(np.ascontiguousarray(source.args[0].value.numpy().transpose(axes)))
        axis = 0 if self._per_tensor(source) else axes.index(attribute(source, "axis"))
        return self.emit(self.dequantize(data, source, axis))

    def channel_constant(self, source: relax.Expr) -> relax.Expr:
        """What `constant_source` returned (one value per channel) as a vector, which broadcasts over NHWC."""
        if is_constant(source):
            return relax.const(source.value.numpy().reshape(-1))
        data = relax.const(source.args[0].value.numpy().reshape(-1))
        return self.emit(self.dequantize(data, source, 0))


def permute(expression: relax.Expr, axes: tuple[int, ...]) -> relax.Expr:
    """A permutation; a reshape where it moves nothing because height and width, or channels, are 1."""
    shape = shape_of(expression)
    target = [shape[a] for a in axes]
    moved = [a for a in axes if shape[a] != 1]
    if moved == sorted(moved):
        return relax.op.reshape(expression, target)
    return relax.op.permute_dims(expression, list(axes))


PASS = Pass(
    "channels_last",
    Layout.apply,
    needs=("reshapes", "tables"),
    leaves=("channels_last",),
    undoes=("reshapes", "integer_moves", "one_quantize"),
)
