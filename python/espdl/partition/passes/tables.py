# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of one tensor of int8 or int16, however many operators they are made of, become one table.

quantize(f(dequantize(x))) is a function of one integer. f may be any graph, with inner branches too, of elementwise
operators whose other operands are numbers: x * sigmoid(x), clip(x + 3, 0, 6) / 6 * x, ...
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
import tvm
from tvm import relax

from espdl.ops import pieces
from espdl.ops.lookup import FUNCTIONS, LEAKY_RELU
from espdl.partition import deep
from espdl.partition.rewriter import Rewriter
from espdl.partition.scales import per_tensor
from espdl.partition.tvm_compat import attribute, dtype_of, is_constant, number_of, op_name, shape_of, variables
from espdl.passes import Pass
from espdl.quantization import Quantization

Values = np.ndarray  # float64 or bool; [256], [65536] or []
# How many integers a tensor may hold: what a table has values for.
_COUNTS = {"int8": 256, "int16": 65536}

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
# What the lookup operator does by itself, and a table that was made before.
_SINGLE = {*FUNCTIONS, LEAKY_RELU, "relax.nn.relu", "relax.clip", "relax.take"}


class Tables(Rewriter):
    """Writes such functions as quantize(take(values, x + half)), with all values of f as a constant.

    f may hold further pairs of quantize and dequantize, which models that came quantised have after every operator.
    They round inside of f, as the tables of its parts would one after the other.
    """

    def __init__(self, module: tvm.IRModule):
        super().__init__(module)
        self.opaque: set = set()  # stored tensors that are no function of one
        self.declined: dict = {}  # part of a function that has no table -> why
        self.place = {variable: index for index, variable in enumerate(self.old)}

    def call(self, variable: relax.Var, call: relax.Call) -> relax.Expr:
        if op_name(call) == "relax.quantize":
            region, values = self._region(variable, call)
            if values is not None and region.source is not None and region.worth_it:
                reason = _no_table(region.source, values, call)
                if reason is None:
                    return self._lookup(variable, call, region, values)
                self.declined.update((v, reason) for v, known in region.known.items() if known is not None)
        return super().call(variable, call)

    def _region(self, variable: relax.Var, call: relax.Call) -> tuple[_Region, Values | None]:
        """The function that ends in `call`, and its values; a stored tensor that others read too begins it, where one
        tensor alone can."""
        kept: set = set()
        found = None
        while True:
            region = _Region(self, kept)
            with np.errstate(all="ignore"):
                values = deep.run(region.evaluate(call.args[0]))
            if values is None and found is not None:
                return found
            if values is None:
                self.opaque.add(variable)
            found = region, values
            shared = region.shared(variable)
            if not shared:
                return found
            kept |= shared

    @np.errstate(over="ignore")
    def _lookup(self, variable: relax.Var, call: relax.Call, region: _Region, values: Values) -> relax.Expr:
        count = _COUNTS[dtype_of(region.source)]
        table = relax.const(np.broadcast_to(values, (count,)).astype(np.float32))
        index = self.emit(relax.op.astype(self.map(region.source), "int32"), variable.name)
        index = self.emit(relax.op.add(index, relax.const(count // 2, "int32")), variable.name)
        # The name leads back to all nodes that the table stands for (`OnnxNames.all_nodes`).
        named = [v for v, values in region.known.items() if values is not None and v in self.place]
        inside = "".join(v.name for v in sorted(named, key=self.place.__getitem__))
        real = self.emit(relax.op.take(table, index, axis=0), inside)
        return self.emit(tvm.ir.Call(call.op, [real, *call.args[1:]], call.attrs, call.ty_args), variable.name)


PASS = Pass("tables", Tables.apply, leaves=("tables",))


def declined(module: tvm.IRModule) -> Mapping:
    """Variables of main that are parts of a function that no table can hold -> why."""
    tables = Tables(module)
    tables.run()
    return tables.declined


class _Region:
    """The function that ends in one expression. `source`: the stored variable that it is a function of. `kept`: stored
    tensors beyond which it does not look."""

    def __init__(self, tables: Tables, kept: Container):
        self.tables = tables
        self.kept = kept
        self.source = None
        self.operators: list[str] = []
        self.known: dict = {}
        self.reads: Counter = Counter()
        self.passed: list = []

    @property
    def worth_it(self) -> bool:
        single = len(self.operators) == 1 and self.operators[0] in _SINGLE
        return bool(self.passed) or (bool(self.operators) and not single)

    def evaluate(self, expression: relax.Expr) -> deep.Steps:
        """f of all integers, a single number where it is constant, None where it is no such function."""
        if is_constant(expression):
            number = expression.value.numpy()
            return number.reshape(()).astype(np.float64) if number.size == 1 else None
        if expression not in self.known:
            definition = self.tables.old.get(expression)
            self.known[expression] = None if definition is None else (yield self._call(definition))
        values = self.known[expression]
        self.reads[expression] += 1
        if (
            values is not None
            and values.size > _COUNTS["int8"]
            and self.reads[expression] == self.tables.uses[expression]
        ):
            self.known[expression] = np.empty(0)  # nobody asks again; those of a long chain would fill the memory
        return values

    def _call(self, call: relax.Call) -> deep.Steps:
        name = op_name(call)
        if name == "relax.dequantize":
            return (yield self._leaf(call))
        if name == "relax.take":
            return (yield self._table(call))
        if name not in _UNARY and name not in _BINARY and name not in (LEAKY_RELU, "relax.clip", "relax.where"):
            return None
        if name == "relax.astype" and attribute(call, "dtype") != "float32":
            return None
        operands = call.args[:1] if name == "relax.clip" else call.args
        if any(is_constant(a) and a.value.numpy().size != 1 for a in operands):
            return None
        arguments = []
        for operand in operands:
            arguments.append((yield self.evaluate(operand)))
            if arguments[-1] is None:
                return None
        self.operators.append(name)
        if name == LEAKY_RELU:
            return np.where(arguments[0] < 0, attribute(call, "alpha") * arguments[0], arguments[0])
        if name == "relax.clip":
            low, high = (number_of(a) for a in call.args[1:3])
            return np.clip(arguments[0], low, high)
        if name == "relax.where":
            return np.where(*arguments)
        return np.asarray((_UNARY.get(name) or _BINARY[name])(*arguments))

    def _leaf(self, call: relax.Call) -> deep.Steps:
        source = call.args[0]
        quantization = per_tensor(call)
        if quantization is None:
            return None
        if is_constant(source):
            number = source.value.numpy()
            return _real(number.reshape(()), quantization) if number.size == 1 else None
        integers = yield self._integers(source)
        return None if integers is None else _real(integers, quantization)

    def _table(self, call: relax.Call) -> deep.Steps:
        """A table that was made before."""
        values, index = call.args[:2]
        add: Any = self.tables.old.get(index)
        cast: Any = self.tables.old.get(add.args[0]) if op_name(add) == "relax.add" else None
        if not is_constant(values) or op_name(cast) != "relax.astype":
            return None
        half = _COUNTS.get(dtype_of(cast.args[0]), 0) // 2
        offset = add.args[1].value.numpy() if is_constant(add.args[1]) else np.empty(0)
        if not half or values.value.numpy().shape != (2 * half,) or offset.size != 1 or offset != half:
            return None
        integers = yield self._integers(cast.args[0])
        if integers is None:
            return None
        self.operators.append("relax.take")
        self.known[index] = self.known[add.args[0]] = integers
        return values.value.numpy()[integers.astype(np.int64) + half].astype(np.float64)

    def _integers(self, source: relax.Var) -> deep.Steps:
        """What a tensor holds: for all integers of what it is a function of, or, where it is none, of itself."""
        stored = yield self._stored(source)
        if stored is not None:
            return stored if stored.dtype.name in _COUNTS else None
        if dtype_of(source) not in _COUNTS or (self.source is not None and not self.source.same_as(source)):
            return None
        if math.prod(shape_of(source)) == 0:
            return None
        self.source = source
        half = _COUNTS[dtype_of(source)] // 2
        return np.arange(-half, half)

    def _stored(self, source: relax.Var) -> deep.Steps:
        """The integers of a stored tensor that is itself such a function; None where it begins this one."""
        call: Any = self.tables.old.get(source)
        quantization = per_tensor(call) if op_name(call) == "relax.quantize" else None
        if (
            quantization is None
            or source in self.kept
            or source in self.tables.opaque
            or (self.source is not None and self.source.same_as(source))
        ):
            return None
        before = self.source, self.operators.copy(), self.known.copy(), self.reads.copy(), self.passed.copy()
        real = yield self.evaluate(call.args[0])
        if real is None:
            self.source, self.operators, self.known, self.reads, self.passed = before
            return None
        self.passed.append(source)
        return quantization.quantize(real)

    def shared(self, variable: relax.Var) -> set:
        """The stored tensors beyond which it looks although something outside reads them too; `variable` is its
        result."""
        old = self.tables.old
        inside = [v for v, values in self.known.items() if values is not None]
        reads = Counter(v for name in (*inside, variable) for v in variables(old[name]))
        read_outside = {v for v in reads if reads[v] < self.tables.uses[v]}
        seen = {old[v].args[0] for v in inside if op_name(old[v]) == "relax.dequantize" and v in read_outside}
        return {source for source in self.passed if source in seen or source in read_outside}


@np.errstate(over="ignore")
def _no_table(source: relax.Var, values: Values, call: relax.Call) -> str | None:
    """Why the kernels for tables cannot have a function, given by its values before `call` quantises them."""
    width, result = dtype_of(source), attribute(call, "out_dtype")
    quantization = per_tensor(call)
    if result != width or quantization is None:
        return f"it makes {result} of {width}, and a table's input and output have one width and one scale each"
    if width == "int8":
        return None
    values = np.broadcast_to(values, (_COUNTS[width],)).astype(np.float32)
    return pieces.too_uneven(pieces.fit(quantization.quantize(values.astype(np.float64))))


def _real(integers: np.ndarray, quantization: Quantization) -> Values:
    """In float32, as ONNX dequantises: functions that jump must see the same values."""
    return quantization.dequantize(integers).astype(np.float64)
