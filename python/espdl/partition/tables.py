# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of one int8 tensor, however many operators they are made of, become one table of 256 values.

quantize(f(dequantize(x))) is a function of one byte. f may be any graph, with inner branches too, of elementwise
operators whose other operands are numbers: x * sigmoid(x), clip(x + 3, 0, 6) / 6 * x, ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import tvm
from tvm import relax

from espdl.ops.lookup import FUNCTIONS, LEAKY_RELU
from espdl.partition.rewriter import Rewriter
from espdl.partition.tvm_compat import attribute, is_constant, op_name, shape_of

Values = np.ndarray  # float64 or bool, [256] or []

_UNARY: Mapping[str, Callable[[Values], Values]] = {
    **FUNCTIONS,
    "relax.nn.relu": lambda x: np.maximum(x, 0.0),
    "relax.tan": np.tan,
    "relax.sinh": np.sinh,
    "relax.cosh": np.cosh,
    "relax.asin": np.arcsin,
    "relax.acos": np.arccos,
    "relax.atan": np.arctan,
    "relax.asinh": np.arcsinh,
    "relax.acosh": np.arccosh,
    "relax.atanh": np.arctanh,
    "relax.logical_not": np.logical_not,
    "relax.isnan": np.isnan,
    "relax.astype": lambda x: x.astype(np.float64),
    "relax.zeros_like": np.zeros_like,
    "relax.ones_like": np.ones_like,
}
_BINARY: Mapping[str, Callable[[Values, Values], Values]] = {
    "relax.add": np.add,
    "relax.subtract": np.subtract,
    "relax.multiply": np.multiply,
    "relax.divide": np.divide,
    "relax.power": np.power,
    "relax.maximum": np.maximum,
    "relax.minimum": np.minimum,
    "relax.greater": np.greater,
    "relax.greater_equal": np.greater_equal,
    "relax.less": np.less,
    "relax.less_equal": np.less_equal,
    "relax.equal": np.equal,
    "relax.not_equal": np.not_equal,
    "relax.logical_and": np.logical_and,
    "relax.logical_or": np.logical_or,
}
# What the lookup operator does by itself.
_SINGLE = {*FUNCTIONS, LEAKY_RELU, "relax.nn.relu", "relax.clip"}


class Tables(Rewriter):
    """Writes such functions as quantize(take(values, x + 128)), with the 256 values of f as a constant."""

    def call(self, variable, call):
        if op_name(call) == "relax.quantize":
            region = _Region(self)
            values = region.evaluate(call.args[0])
            if values is not None and region.source is not None and region.worth_it:
                return self._lookup(variable, call, region.source, values)
        return super().call(variable, call)

    def run(self, module: tvm.IRModule) -> tvm.IRModule:
        self.old = {b.var: b.value for block in module["main"].body.blocks for b in block.bindings}
        return super().run(module)

    def _lookup(self, variable, call, source, values: Values):
        table = relax.const(np.broadcast_to(values, (256,)).astype(np.float32))
        index = self.emit(relax.op.astype(self.map(source), "int32"), variable.name)
        index = self.emit(relax.op.add(index, relax.const(128, "int32")), variable.name)
        real = self.emit(relax.op.take(table, index, axis=0), call.args[0].name)
        return self.emit(tvm.ir.Call(call.op, [real, *call.args[1:]], call.attrs, call.ty_args), variable.name)


class _Region:
    """The function that ends in one expression. `source`: the int8 variable that it is a function of."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self.source = None
        self.operators: list[str] = []
        self.known: dict = {}

    @property
    def worth_it(self) -> bool:
        return len(self.operators) > 1 or (len(self.operators) == 1 and self.operators[0] not in _SINGLE)

    def evaluate(self, expression) -> Values | None:
        """f(-128 .. 127), a single number where it is constant, None where it is no such function."""
        if is_constant(expression):
            number = expression.value.numpy()
            return number.reshape(()).astype(np.float64) if number.size == 1 else None
        if expression not in self.known:
            definition = self.tables.old.get(expression)
            with np.errstate(all="ignore"):
                self.known[expression] = None if definition is None else self._call(definition)
        return self.known[expression]

    def _call(self, call) -> Values | None:
        name = op_name(call)
        if name == "relax.dequantize":
            return self._leaf(call)
        if name not in _UNARY and name not in _BINARY and name not in (LEAKY_RELU, "relax.clip", "relax.where"):
            return None
        if name == "relax.astype" and attribute(call, "dtype") != "float32":
            return None
        arguments = [self.evaluate(a) for a in (call.args[:1] if name == "relax.clip" else call.args)]
        if any(a is None for a in arguments):
            return None
        self.operators.append(name)
        if name == LEAKY_RELU:
            return np.where(arguments[0] < 0, attribute(call, "alpha") * arguments[0], arguments[0])
        if name == "relax.clip":
            low, high = (_number(a) for a in call.args[1:3])
            return np.clip(arguments[0], low, high)
        if name == "relax.where":
            return np.where(*arguments)
        return np.asarray((_UNARY.get(name) or _BINARY[name])(*arguments))

    def _leaf(self, call) -> Values | None:
        source, scale, zero_point = call.args[:3]
        per_tensor = all(is_constant(c) and c.value.numpy().size == 1 for c in (scale, zero_point))
        if not per_tensor:
            return None
        scale, zero_point = scale.value.numpy().reshape(()), int(zero_point.value.numpy().reshape(()))
        if is_constant(source):
            number = source.value.numpy()
            return (number.reshape(()).astype(np.float64) - zero_point) * scale if number.size == 1 else None
        if str(source.ty.dtype.dtype) != "int8" or (self.source is not None and not self.source.same_as(source)):
            return None
        if math.prod(shape_of(source)) == 0:
            return None
        self.source = source
        # In float32, as ONNX dequantises: functions that jump must see the same values.
        return (np.float32(np.arange(-128, 128) - zero_point) * np.float32(scale)).astype(np.float64)


def _number(expression) -> float:
    inner = getattr(expression, "value", expression)
    return float(getattr(inner, "value", inner))
