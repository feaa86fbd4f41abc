# SPDX-License-Identifier: Apache-2.0
"""Every private hook into TVM, and every place that depends on its exact version. An upgrade of TVM starts here."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import onnx
import tvm
from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend

from espdl import traits
from espdl.discover import discover

ConversionError = Callable[[str, str, Exception], Exception]
Converter = type

_FLOAT_MAX = 3.4028234663852886e38  # exactly; TVM refuses a literal beyond it


class _StaticClip(onnx_frontend.OnnxOpConverter):
    """ONNX Clip with constant bounds as relax.clip; the importer's own form (isnan, where) defeats pattern matching."""

    @classmethod
    def _impl_v6(cls, bb: relax.BlockBuilder, inputs: Sequence, attr: Mapping, params: Any) -> relax.Expr:
        return relax.op.clip(inputs[0], float(attr.get("min", -_FLOAT_MAX)), float(attr.get("max", _FLOAT_MAX)))

    @classmethod
    def _impl_v11(cls, bb: relax.BlockBuilder, inputs: Sequence, attr: Mapping, params: Any) -> relax.Expr:
        low, high = _bound(inputs, 1, -_FLOAT_MAX), _bound(inputs, 2, _FLOAT_MAX)
        if low is not None and high is not None:
            low = min(low, high)  # of bounds that cross, the upper one holds
        if low is None or high is None or inputs[0].ty.dtype.dtype != "float32":
            return onnx_frontend.Clip.get_converter(13)(bb, inputs, attr, params)
        return relax.op.clip(inputs[0], low, high)


def _bound(inputs: Sequence, index: int, default: float) -> float | None:
    """The constant at `index`, `default` where it is left out, None where it is computed."""
    value = inputs[index] if len(inputs) > index else None
    if value is None:
        return default
    if not is_constant(value):
        return None
    number = float(value.value.numpy().reshape(()))
    return default if math.isnan(number) else number


def is_constant(expression: Any) -> bool:
    return isinstance(expression, tvm.ir.GenericConst)


class _TypedOneHot(onnx_frontend.OnnxOpConverter):
    """ONNX OneHot with the type of its values, of which the importer makes doubles, and with any type of numbers."""

    @classmethod
    def _impl_v11(cls, bb: relax.BlockBuilder, inputs: Sequence, attr: Mapping, params: Any) -> relax.Expr:
        depth = onnx_frontend.get_constant(inputs[1], params)
        if is_constant(depth):
            indices = inputs[0]
            if indices.ty.dtype.dtype == "float32":
                indices = bb.normalize(relax.op.astype(indices, "int64"))
            inputs = [indices, relax.const(int(depth.value.numpy().reshape(())), "int64"), inputs[2]]
        result = onnx_frontend.OneHot.get_converter(11)(bb, inputs, attr, params)
        values = onnx_frontend.get_constant(inputs[2], params).value.numpy()
        off, on = (relax.prim_value(tvm.tirx.const(value.item(), str(values.dtype))) for value in values)
        axis = int(result.attrs.axis) % (len(shape_of(inputs[0])) + 1)
        return relax.op.one_hot(result.args[0], on, off, result.attrs.depth, axis)


# Converters that replace or complete the importer's own, by ONNX operator.
_CONVERTERS: dict[str, Converter] = {"Clip": _StaticClip, "OneHot": _TypedOneHot}


class Unsupported(ValueError):
    """Raised by a converter; the text is the reason why a node cannot be compiled, as a sentence."""


def register_converter(name: str, converter: Converter) -> None:
    """Adds a converter for an ONNX operator that the importer lacks or converts badly; raises on duplicates."""
    if name in _CONVERTERS:
        raise RuntimeError(f"two converters for the ONNX operator '{name}'")
    _CONVERTERS[name] = converter


# (builder, inputs, attributes) -> the expression, or None to leave it to the importer's own converter.
Conversion = Callable[["relax.BlockBuilder", Sequence, Mapping], "relax.Expr | None"]


def converter(*names: str) -> Callable[[Conversion], Conversion]:
    """Function decorator: how nodes of these ONNX operators are imported. Inputs that are left out are None."""

    def register(function: Conversion) -> Conversion:
        for name in names:
            register_converter(name, type(name, (_OwnConverter,), {"name": name, "function": staticmethod(function)}))
        return function

    return register


def opset_of(attributes: Mapping) -> int:
    """The model's operator set, from the attributes that a converter gets."""
    return attributes["tvm_custom"]["opset"]


class _OwnConverter(onnx_frontend.OnnxOpConverter):
    name: str
    function: Conversion

    @classmethod
    def get_converter(cls, opset: int) -> Callable:
        def convert(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping, params: Any) -> relax.Expr:
            given = [i if i is None else onnx_frontend.get_constant(i, params) for i in inputs]
            attributes["tvm_custom"]["opset"] = opset
            result = cls.function(bb, given, attributes)
            if result is None:
                hidden: Any = _hidden[cls.name]
                result = hidden.get_converter(opset)(bb, inputs, attributes, params)
            return result

        return convert


_hidden: dict[str, Converter] = {}  # the importer's own converters that ours stand before


def _discover_converters() -> None:
    discover("espdl.partition.converters")
    traits.check(_CONVERTERS, "espdl.partition.converters")


@contextlib.contextmanager
def _converters() -> Iterator[None]:
    _discover_converters()
    original = onnx_frontend._get_convert_map
    _hidden.update(original())
    table = {**original(), **_CONVERTERS}
    onnx_frontend._get_convert_map = lambda: table
    try:
        yield
    finally:
        onnx_frontend._get_convert_map = original


def importable_operators() -> set[str]:
    """ONNX operators that can be imported."""
    _discover_converters()
    found = set(onnx_frontend._get_convert_map()) | set(_CONVERTERS)
    traits.check(found, "the importer")
    return found


class _NamedImporter(onnx_frontend.ONNXGraphImporter):
    """Binds every result to a variable named like the ONNX tensor. A node's name is that of its first output."""

    on_error: ConversionError
    results: Mapping[str, Sequence[str]]  # the outputs of the nodes, by name

    def _convert_operator(self, op_name: str, inputs: Sequence, attrs: Mapping, opset: int) -> relax.Expr:
        name = attrs["tvm_custom"]["name"]
        try:
            result = super()._convert_operator(op_name, inputs, attrs, opset)
        except Exception as error:
            raise self.on_error(name, op_name, error) from error
        if not isinstance(result, relax.Expr) or is_constant(result):
            return result
        if isinstance(result.ty, relax.TensorType):
            return self.bb.emit(result, name)
        if not isinstance(result.ty, tvm.ir.TupleType):
            return result
        if not isinstance(result, relax.Tuple):
            whole = self.bb.emit(result, name)
            result = [relax.TupleGetItem(whole, index) for index in range(len(whole.ty.fields))]
        names = [*self.results.get(name, ()), *[""] * len(result)]
        parts = (p if is_constant(p) else self.bb.emit(p, part or name) for p, part in zip(result, names))
        return self.bb.normalize(relax.Tuple(list(parts)))

    def _check_for_unsupported_ops(self, graph: Any) -> None:
        """Unsupported operators are reported by `_convert_operator`, with their node."""


def import_onnx(model: onnx.ModelProto, on_error: ConversionError) -> tvm.IRModule:
    """Relax's ONNX importer with our converters; `on_error(node, operator, error)` makes the exception to raise."""
    shapes: Mapping[str, Sequence[int]] = {
        i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input
    }
    importer = _NamedImporter(dict(shapes), "float32")
    importer.on_error = on_error
    importer.results = {node.name: list(node.output) for node in model.graph.node}
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    # The importer prints what it then raises, and warns about its own choices.
    with _converters(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importer.from_onnx(model.graph, opset)


def dtype_of(expression: Any) -> str:
    return dtype_of_type(expression.ty)


def dtype_of_type(ty: tvm.ir.Type) -> str:
    return str(ty.dtype.dtype) if hasattr(ty.dtype, "dtype") else str(ty.dtype)


def shape_of(expression: Any) -> tuple[int, ...]:
    """The static shape; raises ValueError where a dimension is symbolic."""
    return shape_of_type(expression.ty)


def shape_of_type(ty: tvm.ir.Type) -> tuple[int, ...]:
    shape = ty.shape
    if shape is None:
        raise ValueError("the shape is not known at compile time")
    try:
        return tuple(int(d) for d in shape.values)
    except (TypeError, AttributeError) as error:
        raise ValueError("the shape is not known at compile time") from error


def bindings(function: relax.Function) -> list[relax.Binding]:
    """Those of all its blocks, in order."""
    return [binding for block in function.body.blocks for binding in block.bindings]


def op_name(expression: Any) -> str:
    """The name of the Relax operator that `expression` calls; '' for anything else."""
    if isinstance(expression, tvm.ir.Call) and isinstance(expression.op, tvm.ir.Op):
        return str(expression.op.name)
    return ""


def variables(expression: Any) -> list[tvm.ir.Var]:
    """Variables that a bound expression reads, in order, each as often as it is read."""
    if isinstance(expression, tvm.ir.Var):
        return [expression]
    if isinstance(expression, tvm.ir.Tuple):
        return [v for field in expression.fields for v in variables(field)]
    if isinstance(expression, tvm.ir.TupleGetItem):
        return variables(expression.tuple_value)
    if isinstance(expression, tvm.ir.Call):
        return [v for argument in expression.args for v in variables(argument)]
    return []


def attribute(call: relax.Call, name: str) -> Any:
    """An attribute of a call as a plain Python value: int, float, str, or a tuple of those."""
    return _plain(getattr(call.attrs, name))


def number_of(expression: Any) -> float:
    """The number in a PrimValue or an immediate."""
    inner = getattr(expression, "value", expression)
    return float(getattr(inner, "value", inner))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (tvm.tirx.IntImm, tvm.tirx.FloatImm)):
        return value.value
    if hasattr(value, "__iter__"):
        return tuple(_plain(v) for v in value)
    return value
