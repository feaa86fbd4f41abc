# SPDX-License-Identifier: Apache-2.0
"""Lowerings of relax operators for which TVM has none on a bare C target, or none that is safe there.

Sorting and scanning: TVM's own lowering calls into its runtime. Here they are loops. A sort selects the best remaining
element again and again: k * n comparisons, no memory beside the outputs. Equal elements keep their order, as ONNX TopK
wants it. Gathering: an index outside of the tensor is clamped to its border, so that no input can make a kernel read
foreign memory; that also tells the compiler that addresses fit 32 bits. Transposed convolution: TVM knows channels
first only. Quantising: what is not a number (0 / 0 where a divisor rounds to zero) becomes zero, as in tables.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable

import tvm
from tvm import relax, te, tirx, topi
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from espdl.partition.fallback.printer import NUMBER

# Operators that can make of numbers what is none. The others only hand it on, and minima and maxima drop it.
_UNDEFINED = (
    "acos", "acosh", "asin", "atanh", "divide", "log", "log10", "log1p", "log2", "mod", "power", "rsqrt", "sqrt",
)  # fmt: skip


def legalizations() -> dict[str, Callable[[relax.BlockBuilder, relax.Call], relax.Expr]]:
    """Operator name to function, for `relax.transform.LegalizeOps`."""
    return {
        "relax.topk": _topk,
        "relax.sort": _sort,
        "relax.argsort": _argsort,
        "relax.cumsum": _scan("cumsum", operator.add, 0),
        "relax.cumprod": _scan("cumprod", operator.mul, 1),
        "relax.take": _take,
        "relax.gather_elements": _gather_elements,
        "relax.gather_nd": _gather_nd,
        "relax.nn.conv2d_transpose": _conv2d_transpose,
        "relax.nn.dropout": _dropout,
        "relax.quantize": _quantize,
    }


def _quantize(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    data, *others = call.args
    producer = bb.lookup_binding(data) if isinstance(data, relax.Var) else None
    if isinstance(producer, relax.Call) and "tir" in getattr(producer.op, "name", ""):
        name = re.sub(r"^tirx?_|\d+$", "", producer.args[0].name_hint)
        if name in _UNDEFINED:
            data = bb.emit(bb.call_te(_numbers, data, primfunc_name_hint="number"))
    again = tvm.ir.Call(call.op, [data, *others], call.attrs, call.ty_args)
    return tvm.ir.Op.get("relax.quantize").get_attr("FLegalize")(bb, bb.normalize(again))


def _numbers(data: te.Tensor) -> te.Tensor:
    """`data`, 0 where it is not a number."""

    def number(*place: tvm.ir.Expr) -> tvm.ir.Expr:
        return tirx.call_pure_extern(data.dtype, NUMBER, data(*place))

    return te.compute(data.shape, number, name="number")


def _take(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    axis = None if call.attrs.axis is None else int(call.attrs.axis)
    mode = "clip" if call.attrs.mode == "fast" else str(call.attrs.mode)
    return bb.call_te(topi.take, call.args[0], call.args[1], axis, mode=mode, primfunc_name_hint="take")


def _gather_elements(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    axis = int(call.attrs.axis) % call.args[0].ty.ndim

    def gather(data: te.Tensor, indices: te.Tensor) -> te.Tensor:
        return topi.gather(data, axis, _inside(indices, lambda *_: data.shape[axis]))

    return bb.call_te(gather, call.args[0], call.args[1], primfunc_name_hint="gather_elements")


def _gather_nd(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    batch = int(call.attrs.batch_dims)

    def gather(data: te.Tensor, indices: te.Tensor) -> te.Tensor:
        def limit(*index: tvm.ir.Expr) -> tvm.ir.Expr:
            dims = data.shape[batch : batch + int(indices.shape[-1])]
            result = dims[-1]
            for position in reversed(range(len(dims) - 1)):
                result = tirx.Select(index[-1] == position, dims[position], result)
            return result

        # TVM wants the components of an index first, ONNX has them last.
        rank = len(indices.shape)
        return topi.gather_nd(data, topi.transpose(_inside(indices, limit), [rank - 1, *range(rank - 1)]), batch)

    return bb.call_te(gather, call.args[0], call.args[1], primfunc_name_hint="gather_nd")


def _inside(indices: te.Tensor, limit: Callable[..., tvm.ir.Expr]) -> te.Tensor:
    """`indices`, none below 0 or above `limit(position) - 1`."""

    def clamped(*position: tvm.ir.Expr) -> tvm.ir.Expr:
        last = tirx.Cast(indices.dtype, limit(*position) - 1)
        return tirx.max(tirx.min(indices(*position), last), tirx.const(0, indices.dtype))

    return te.compute(indices.shape, clamped, name="inside")


def _conv2d_transpose(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    attrs = call.attrs
    if (attrs.data_layout, attrs.kernel_layout) != ("NHWC", "OHWI") or int(attrs.groups) != 1:
        return tvm.ir.Op.get("relax.nn.conv2d_transpose").get_attr("FLegalize")(bb, call)
    strides, padding, extra = (tuple(map(int, a)) for a in (attrs.strides, attrs.padding, attrs.output_padding))

    def convolve(data: te.Tensor, weights: te.Tensor) -> te.Tensor:
        apart = topi.nn.dilate(topi.transpose(weights, (3, 0, 1, 2)), (1, 1, *map(int, attrs.dilation)))
        first = topi.transpose(data, (0, 3, 1, 2))
        result = topi.nn.conv2d_transpose_nchw(first, apart, strides, padding, str(data.dtype), extra)
        return topi.transpose(result, (0, 2, 3, 1))

    return bb.call_te(convolve, *call.args, primfunc_name_hint="conv2d_transpose")


def _dropout(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """At inference dropout is its input; the mask vanishes unless somebody reads it."""
    data = call.args[0]
    mask = bb.call_te(topi.full, data.ty.shape.values, str(data.ty.dtype.dtype), 1.0, primfunc_name_hint="ones")
    return relax.Tuple([data, bb.emit(mask)])


def _topk(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    attrs = call.attrs
    axis = int(attrs.axis) % call.args[0].ty.ndim
    count = int(call.args[0].ty.shape.values[axis])
    k = min(int(attrs.k), count) if int(attrs.k) > 0 else count
    both = bb.call_te(_select, call.args[0], axis, k, bool(attrs.largest), str(attrs.dtype), primfunc_name_hint="topk")
    if attrs.ret_type == "both":
        return both
    return relax.TupleGetItem(bb.emit(both), 0 if attrs.ret_type == "values" else 1)


def _sort(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    return relax.TupleGetItem(bb.emit(_sorted(bb, call, "int32", "sort")), 0)


def _argsort(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    return relax.TupleGetItem(bb.emit(_sorted(bb, call, str(call.attrs.dtype), "argsort")), 1)


def _sorted(bb: relax.BlockBuilder, call: relax.Call, index_dtype: str, name: str) -> relax.Expr:
    axis = int(call.attrs.axis) % call.args[0].ty.ndim
    count = int(call.args[0].ty.shape.values[axis])
    return bb.call_te(
        _select, call.args[0], axis, count, bool(call.attrs.descending), index_dtype, primfunc_name_hint=name
    )


def _scan(name: str, combine: Callable, start: int) -> Callable[[relax.BlockBuilder, relax.Call], relax.Expr]:
    """Sums or products of all elements up to one; of nothing it is `start`."""

    def legalize(bb: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
        def scan(data: te.Tensor) -> te.Tensor:
            axis = call.attrs.axis
            data = topi.reshape(data, (math.prod(map(int, data.shape)),)) if axis is None else data
            shape, dtype = [int(extent) for extent in data.shape], str(call.ty.dtype.dtype)
            place = 0 if axis is None else int(axis) % len(shape)
            return te.extern(
                [shape],
                [data],
                lambda ins, outs: _scan_loops(ins[0], outs[0], place, bool(call.attrs.exclusive), combine, start),
                dtype=dtype,
                out_buffers=[_plain_buffer(shape, dtype, "results")],
                name=name,
            )

        return bb.call_te(scan, call.args[0], primfunc_name_hint=name)

    return legalize


def _plain_buffer(shape: list[int], dtype: str, name: str) -> tirx.Buffer:
    """Row major without saying so: only such buffers can lie between two operators that become one function."""
    return tirx.decl_buffer(shape, dtype, name, layout=None)


def _scan_loops(
    data: tirx.Buffer, results: tirx.Buffer, axis: int, exclusive: bool, combine: Callable, start: int
) -> tirx.Stmt:
    shape, dtype = [int(extent) for extent in data.shape], str(results.dtype)
    inner, count = math.prod(shape[axis + 1 :]), shape[axis]
    x, y = T.buffer_proxy(data), T.buffer_proxy(results)
    with IRBuilder() as builder:
        with T.serial(0, math.prod(shape[:axis])) as o, T.serial(0, inner) as i:
            first = o * (count * inner) + i
            y[first] = tirx.const(start, dtype) if exclusive else tirx.Cast(dtype, x[first])
            with T.serial(0, count - 1) as k:
                for label, variable in (("outer", o), ("inner", i), ("k", k)):
                    IRBuilder.name(label, variable)
                before = first + k * inner
                y[before + inner] = combine(y[before], tirx.Cast(dtype, x[before if exclusive else before + inner]))
        return builder.get()


def _select(data: te.Tensor, axis: int, k: int, largest: bool, index_dtype: str) -> list[te.Tensor]:
    """Values and indices of the `k` largest (or smallest) elements along `axis`, best first, equal ones by index."""
    shape = [int(extent) for extent in data.shape]
    result = [*shape[:axis], k, *shape[axis + 1 :]]
    return te.extern(
        [result, result],
        [data],
        lambda ins, outs: _selection_loops(ins[0], outs[0], outs[1], axis, largest),
        dtype=[data.dtype, index_dtype],
        out_buffers=[_plain_buffer(result, data.dtype, "values"), _plain_buffer(result, index_dtype, "indices")],
        name="select",
    )


def _selection_loops(
    data: tirx.Buffer, values: tirx.Buffer, indices: tirx.Buffer, axis: int, largest: bool
) -> tirx.Stmt:
    """Writes slot after slot: the best element among those that the sort puts after the previous slot's."""
    shape, k = [int(extent) for extent in data.shape], int(values.shape[axis])
    count = shape[axis]
    inner = math.prod(shape[axis + 1 :])
    outer = math.prod(shape[:axis])
    x, value, index = T.buffer_proxy(data), T.buffer_proxy(values), T.buffer_proxy(indices)
    dtype = str(indices.dtype)

    def before(a: tvm.ir.Expr, b: tvm.ir.Expr) -> tvm.ir.Expr:
        return a > b if largest else a < b

    with IRBuilder() as builder:
        with T.serial(0, outer) as o, T.serial(0, inner) as i, T.serial(0, k) as slot:
            # An element that is not a number is never better; then index 0 stands, which is always inside.
            best = IRBuilder.name("best", T.alloc_buffer((1,), "int32"))
            T.buffer_store(best, -1, [0])
            with T.serial(0, count) as j:
                for name, variable in (("outer", o), ("inner", i), ("slot", slot), ("j", j)):
                    IRBuilder.name(name, variable)
                first = o * (count * inner) + i
                last = o * (k * inner) + tirx.max(slot - 1, 0) * inner + i
                candidate = x[first + j * inner]
                remaining = tirx.any(
                    slot == 0,
                    before(value[last], candidate),
                    tirx.all(value[last] == candidate, index[last] < tirx.Cast(dtype, j)),
                )
                better = tirx.any(best[0] < 0, before(candidate, x[first + best[0] * inner]))
                with T.If(tirx.all(remaining, better)), T.Then():
                    T.buffer_store(best, j, [0])
            here = o * (k * inner) + slot * inner + i
            value[here] = x[first + tirx.max(best[0], 0) * inner]
            index[here] = tirx.Cast(dtype, tirx.max(best[0], 0))
        return builder.get()
