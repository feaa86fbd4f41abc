# SPDX-License-Identifier: CC0-1.0
"""Runs Relax modules on numpy, an operator at a time: what a pass leaves is compared with what it was given.

TVM's own virtual machine would do it too, but compiles every module for seconds. Sums are made in float64, and rounded
where ONNX Runtime has a float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import tvm
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from tvm import relax

from espdl import traits
from espdl.partition.tvm_compat import attribute, is_constant, number_of, op_name, shape_of_type

Array = np.ndarray


def run(
    module: tvm.IRModule, inputs: Mapping[str, Array], composites: Mapping[str, relax.Function] | None = None
) -> list[Array]:
    """The results of main, whose parameters are `inputs` in order; `composites` by the names that main calls."""
    return _Evaluation(module, composites or {}).main(list(inputs.values()))


class _Evaluation:
    def __init__(self, module: tvm.IRModule, composites: Mapping[str, relax.Function]):
        self.module, self.composites = module, composites

    def main(self, inputs: Sequence[Array]) -> list[Array]:
        result = self.function(self.module["main"], inputs)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    def function(self, function: relax.Function, arguments: Sequence[Any]) -> Any:
        values = dict(zip(function.params, arguments, strict=True))
        for block in function.body.blocks:
            for binding in block.bindings:
                values[binding.var] = result = self.value(binding.value, values)
                if isinstance(result, np.ndarray):  # what a pass says of a type is what comes out
                    assert result.shape == shape_of_type(binding.var.ty), (binding.var.name, result.shape)
                    assert str(result.dtype) == str(binding.var.ty.dtype.dtype), (binding.var.name, result.dtype)
        return self.value(function.body.body, values)

    def value(self, expression: Any, values: Mapping) -> Any:
        if is_constant(expression):
            return expression.value.numpy()
        if isinstance(expression, tvm.ir.Var):
            return values[expression]
        if isinstance(expression, relax.Tuple):
            return [self.value(f, values) for f in expression.fields]
        if isinstance(expression, relax.TupleGetItem):
            return self.value(expression.tuple_value, values)[expression.index]
        if not isinstance(expression, tvm.ir.Call):
            return expression  # numbers, shapes, names of functions: each operator takes them as they are
        if isinstance(expression.op, tvm.ir.GlobalVar):
            return self.function(self.module[expression.op], [self.value(a, values) for a in expression.args])
        if op_name(expression) in ("relax.call_dps_packed", "relax.call_tir"):
            target, arguments = (self.value(a, values) for a in expression.args[:2])
            return self.named(target, arguments, expression)
        return operator(expression, [self.value(a, values) for a in expression.args])

    def named(self, target: Any, arguments: list[Array], call: Any) -> Any:
        name = str(getattr(target, "global_symbol", getattr(target, "name_hint", "")))
        if name in self.composites:
            return self.function(self.composites[name], arguments)
        if (kind := name.removeprefix("espdl_").upper()) in traits.having("activations"):
            return _recurrent(kind, arguments, shape_of_type(call.ty_args[0]))
        if name.startswith("reshape"):
            return arguments[0].reshape(shape_of_type(call.ty_args[0]))
        raise NotImplementedError(name)


def operator(call: Any, arguments: list[Any]) -> Array:
    """The result of a call of one of Relax's operators."""
    name = op_name(call).removeprefix("relax.")
    if name in _SIMPLE:
        return np.asarray(_SIMPLE[name](*arguments))
    if name not in _RULES:
        raise NotImplementedError(name)
    return np.asarray(_RULES[name](call, *arguments))


def _softmax(call: Any, x: Array) -> Array:
    shifted = np.exp(x.astype(np.float64) - x.max(attribute(call, "axis"), keepdims=True))
    return (shifted / shifted.sum(attribute(call, "axis"), keepdims=True)).astype(x.dtype)


def _along(numbers: Array, x: Array, axis: int) -> Array:
    if numbers.size == 1:
        return numbers.reshape(())
    return numbers.reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])


def _quantize(call: Any, x: Array, scale: Array, zero: Array) -> Array:
    dtype, axis = attribute(call, "out_dtype"), attribute(call, "axis")
    steps = np.rint(x / _along(scale, x, axis)) + _along(zero, x, axis)
    return np.clip(steps, np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)


def _dequantize(call: Any, q: Array, scale: Array, zero: Array) -> Array:
    axis = attribute(call, "axis")
    return ((q.astype(np.int64) - _along(zero, q, axis)) * _along(scale, q, axis).astype(np.float64)).astype(np.float32)


def _last(x: Array, layout: str) -> Array:
    return x.transpose(0, 2, 3, 1) if layout in ("NCHW", "OIHW") else x


def _as(y: Array, layout: str, like: Array) -> Array:
    return (y.transpose(0, 3, 1, 2) if layout == "NCHW" else y).astype(like.dtype)


def _windows(x: Array, size: Sequence[int], call: Any, fill: float) -> Array:
    """[N, rows, columns, size, size, channels] of NHWC, float64; `fill` in the border."""
    (top, left, bottom, right), strides, dilation = (attribute(call, n) for n in ("padding", "strides", "dilation"))
    padded = np.pad(x.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    views = views[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return views.transpose(0, 1, 2, 4, 5, 3)


def _conv2d(call: Any, x: Array, weights: Array) -> Array:
    groups, layout = attribute(call, "groups"), attribute(call, "data_layout")
    ohwi = _last(weights, attribute(call, "kernel_layout")).astype(np.float64)
    views = _windows(_last(x, layout), ohwi.shape[1:3], call, 0.0)
    pieces = zip(np.split(views, groups, axis=-1), np.split(ohwi, groups, axis=0))
    sums = [np.einsum("nyxklc,oklc->nyxo", piece, taps) for piece, taps in pieces]
    return _as(np.concatenate(sums, axis=-1), layout, x)


def _max_pool2d(call: Any, x: Array) -> Array:
    low = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    views = _windows(_last(x, attribute(call, "layout")), attribute(call, "pool_size"), call, low)
    return _as(views.max((3, 4)), attribute(call, "layout"), x)


def _avg_pool2d(call: Any, x: Array) -> Array:
    layout, size = attribute(call, "layout"), attribute(call, "pool_size")
    image = _last(x, layout)
    views = _windows(image, size, call, 0.0)
    counts = _windows(np.ones_like(image), size, call, float(attribute(call, "count_include_pad")))
    return _as(views.sum((3, 4)) / counts.sum((3, 4)), layout, x)


def _resize2d(call: Any, x: Array, size: Any) -> Array:
    mode = attribute(call, "method"), attribute(call, "coordinate_transformation_mode")
    image, target = _last(x, attribute(call, "layout")).astype(np.float64), [int(v) for v in size.values]
    for axis, count in zip((1, 2), target):
        length = image.shape[axis]
        if mode == ("nearest_neighbor", "asymmetric"):
            image = image.take(np.arange(count) * length // count, axis)
        elif mode == ("linear", "half_pixel"):
            place = ((np.arange(count) + 0.5) * length / count - 0.5).clip(0, length - 1)
            below = np.floor(place).astype(int)
            share = (place - below).reshape([-1 if a == axis else 1 for a in range(4)])
            above = np.minimum(below + 1, length - 1)
            image = image.take(below, axis) * (1 - share) + image.take(above, axis) * share
        else:
            raise NotImplementedError(mode)
    return _as(image, attribute(call, "layout"), x)


def _strided_slice(call: Any, x: Array, axes: Any, begin: Any, end: Any, strides: Any = None) -> Array:
    lists = [[int(number_of(v)) for v in t] for t in (axes, begin, end)]
    steps = [1] * len(lists[0]) if strides is None else [int(number_of(v)) for v in strides]
    places = [slice(None)] * x.ndim
    for axis, first, last, step in zip(*lists, steps):
        places[axis] = slice(first, last, step)
    return x[tuple(places)]


def _pad(call: Any, x: Array) -> Array:
    assert attribute(call, "pad_mode") == "constant"
    widths = np.reshape(attribute(call, "pad_width"), (-1, 2))
    return np.pad(x, widths, constant_values=x.dtype.type(attribute(call, "pad_value")))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduce(call: Any, x: Array) -> Array:
        axes = attribute(call, "axis")
        return function(x.astype(np.float64), axis=axes, keepdims=attribute(call, "keepdims")).astype(x.dtype)

    return reduce


def _recurrent(kind: str, arguments: list[Array], shape: Sequence[int]) -> Array:
    """By ONNX's own reference; the last cells alone where the layer says so (`partition/converters/recurrent.py`)."""
    x, w, r, b, h, c, peepholes, settings = arguments
    given = {"x": x, "w": w, "r": r, "b": b, "h": h}
    given |= {"c": c, "p": peepholes} if kind == "LSTM" else {}
    names = ["x", "w", "r", "b", "", *list(given)[4:]]
    attributes: dict[str, Any] = {"activations": traits.of(kind).activations[settings[2]]}
    attributes |= {"linear_before_reset": int(not settings[0])} if kind == "GRU" else {}
    outputs = ["y", "last", "cells"][: 3 if kind == "LSTM" else 2]
    made = helper.make_node(kind, names, outputs, hidden_size=r.shape[2], **attributes)
    ports = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in p] for p in (given, outputs)]
    model = helper.make_model(helper.make_graph([made], "layer", *ports), opset_imports=[helper.make_opsetid("", 17)])
    results = dict(
        zip(outputs, ReferenceEvaluator(onnx.ModelProto.FromString(model.SerializeToString())).run(None, given))
    )
    return results["cells" if settings[1] else "y"].reshape(shape).astype(np.float32)


# Operators that are the same in numpy, by the same name.
_ALIKE = (
    "add subtract multiply divide maximum minimum greater greater_equal less equal logical_and logical_not bitwise_and "
    "isfinite isnan negative sqrt tanh trunc abs where"
).split()
_SIMPLE: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in _ALIKE},
    "sigmoid": lambda x: (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype),
    "nn.relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "matmul": lambda a, b: (a.astype(np.float64) @ b.astype(np.float64)).astype(a.dtype),
    "clip": lambda x, low, high: np.clip(x, *(x.dtype.type(number_of(n)) for n in (low, high))),
}
_RULES: dict[str, Callable[..., Any]] = {
    "quantize": _quantize,
    "dequantize": _dequantize,
    "nn.conv2d": _conv2d,
    "nn.max_pool2d": _max_pool2d,
    "nn.avg_pool2d": _avg_pool2d,
    "image.resize2d": _resize2d,
    "nn.softmax": _softmax,
    "nn.pad": _pad,
    "strided_slice": _strided_slice,
    "sum": _reduction(np.sum),
    "mean": _reduction(np.mean),
    "astype": lambda call, x: x.astype(attribute(call, "dtype")),
    "cumsum": lambda call, x: np.cumsum(x, attribute(call, "axis"), dtype=np.float64).astype(x.dtype),
    "reshape": lambda call, x, _: x.reshape(shape_of_type(call.ty)),
    "flatten": lambda call, x: x.reshape(shape_of_type(call.ty)),
    "squeeze": lambda call, x: x.reshape(shape_of_type(call.ty)),
    "expand_dims": lambda call, x: x.reshape(shape_of_type(call.ty)),
    "permute_dims": lambda call, x: x.transpose(attribute(call, "axes")),
    "broadcast_to": lambda call, x, _: np.broadcast_to(x, shape_of_type(call.ty)),
    "concat": lambda call, parts: np.concatenate(parts, attribute(call, "axis")),
    "take": lambda call, x, index: x.take(index, attribute(call, "axis")),
}
