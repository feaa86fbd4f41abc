# SPDX-License-Identifier: Apache-2.0
"""Layers whose result is the sum itself: ConvInteger and MatMulInteger, with the factors and the bias after them.

They are followed by Cast to float, Mul with input scale * weights scale, and Add of a bias. However the factor is
split: with the input on the scale that made its integers, what is left of it is the scale of the weights.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.errors import present
from espdl.frontend.graph import FLOAT, Results, array, is_read_once, producer
from espdl.frontend.operator_form import Form, form


class _Tail:
    """The nodes after a sum: `factor` for each channel, `bias` for each channel or None, `output` of the last."""

    def __init__(self, f: Form, axis: int, rank: int, channels: int):
        self._f, self._axis, self._rank, self._channels = f, axis, rank, channels
        self.factor = np.ones((), np.float64)
        self.bias: np.ndarray | None = None
        self.output = f.node.outputs[0]
        self._add()
        self._cast()
        while (value := self._next("Mul")) is not None and (value > 0).all() and np.isfinite(value).all():
            self.factor = self.factor * value
            self._take()
        if self.bias is not None:
            self.bias = self.bias * self.factor
        self._add()

    def _cast(self) -> None:
        consumer = self._consumer()
        if consumer is None or consumer.op_type != "Cast" or consumer.attributes.get_int("to") != FLOAT:
            raise self._f.error(
                "its sums are read as 32-bit integers, and the generated C has no tensors of them",
                "follow it by a Cast to float, or quantise in QDQ form (QuantFormat.QDQ in ONNX Runtime)",
            )
        self._take()

    def _add(self) -> None:
        value = self._next("Add")
        if value is not None:
            self.bias = value if self.bias is None else self.bias + value
            self._take()

    def _consumer(self) -> ir.Node | None:
        return self.output.consumers()[0] if is_read_once(self.output) else None

    def _take(self) -> None:
        self.output = present(self._consumer()).outputs[0]

    def _next(self, operator: str) -> np.ndarray | None:
        """float64: the constant operand of the next node, where it is such a node; one number, or one per channel."""
        consumer = self._consumer()
        if consumer is None or consumer.op_type != operator:
            return None
        value = _constant(consumer.inputs[1 if consumer.inputs[0] is self.output else 0])
        if value is None:
            return None
        if value.size == 1:
            return value.reshape(()).astype(np.float64)
        shape = (1,) * (self._rank - value.ndim) + value.shape
        wanted = [1] * self._rank
        wanted[self._axis] = self._channels
        return value.reshape(-1).astype(np.float64) if list(shape) == wanted else None


def _constant(value: ir.Value | None) -> np.ndarray | None:
    """A constant, or a product of two."""
    product = producer(value, "Mul")
    if product is None:
        return array(value)
    one, other = (array(operand) for operand in product.inputs)
    return None if one is None or other is None else np.asarray(one * other)


@form("ConvInteger")
def convolution(f: Form) -> Results:
    weights = array(f.input(1))
    if weights is None or weights.ndim < 3:
        raise f.error("its weights are computed while the model runs", "pass the float model, which is quantised here")
    tail = _Tail(f, 1, weights.ndim, weights.shape[0])
    source, scale = _source(f, 0, 2)
    operands: list[ir.Value | np.ndarray] = [source, _weights(f, tail, scale, axis=0)]
    if tail.bias is not None:
        operands.append(np.broadcast_to(tail.bias, (weights.shape[0],)))
    return _end(f, f.compute("Conv", *operands), None, tail.output)


@form("MatMulInteger")
def product(f: Form) -> Results:
    weights = array(f.input(1))
    shape = () if weights is None else weights.shape
    rank = len(shape)
    tail = _Tail(f, max(rank, 1) - 1, max(rank, 1), shape[-1] if shape else 1)
    source, scale = _source(f, 0, 2)
    if weights is not None:
        made = f.compute("MatMul", source, _weights(f, tail, scale, axis=rank - 1))
    else:
        other, other_scale = _source(f, 1, 3)
        made = f.compute("MatMul", source, other)
        rest = tail.factor / (float(scale) * float(other_scale))
        made = made if abs(rest - 1.0) < 1e-6 else f.add("Mul", made, rest)
    return _end(f, made, tail.bias, tail.output)


@form("MatMulIntegerToFloat")
def product_to_float(f: Form) -> Results:
    """ONNX Runtime's: data, weights, their scales, their zero points, bias."""
    weights = array(f.input(1))
    operands = []
    for index, axis in enumerate((1, 1 if weights is None else weights.ndim - 1)):
        scale = f.array(f.operand(2 + index))
        operands.append(f.dequantized(f.operand(index), f.of(scale, _zero_point(f, index, 4 + index), axis)))
    bias = None if f.input(6) is None else f.array(f.operand(6))
    return _end(f, f.compute("MatMul", *operands), bias, f.node.outputs[0])


def _end(f: Form, made: ir.Value, bias: np.ndarray | None, output: ir.Value) -> Results:
    """The result stands for `output`, which may be that of a later node: no more is left of those between."""
    f.replace(output, made if bias is None else f.add("Add", made, bias))
    return ()


def _source(f: Form, index: int, zero_point: int) -> tuple[ir.Value, np.float32]:
    """The data as real numbers, and its scale: that of the QuantizeLinear, or 1 where the integers are all there is."""
    value = f.operand(index)
    scale = np.float32(f.known[value].scale if value in f.known else 1.0)
    return f.dequantized(value, f.of(scale, _zero_point(f, index, zero_point))), scale


def _weights(f: Form, tail: _Tail, scale: np.float32, axis: int) -> ir.Value:
    left = np.asarray(tail.factor / np.float64(scale), np.float32)
    return f.dequantized(f.operand(1), f.of(left, _zero_point(f, 1, 3), axis))


def _zero_point(f: Form, index: int, zero_point: int) -> np.ndarray:
    value = f.input(zero_point)
    return np.zeros((), f.integers(f.operand(index))) if value is None else f.array(value)
