# SPDX-License-Identifier: Apache-2.0
"""Layers whose result is the sum itself: ConvInteger and MatMulInteger, with the factors and the bias behind them.

They are followed by Cast to float, Mul with input scale * weights scale, and Add of a bias. However the factor is
split: with the input on the grid that made its integers, what is left of it is the scale of the weights.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from espdl.frontend.operator_form import Form, form


class _Tail:
    """The nodes behind a sum: `factor` for each channel, `bias` for each channel or None, `output` of the last."""

    def __init__(self, f: Form, axis: int, rank: int, channels: int):
        self._f, self._axis, self._rank, self._channels = f, axis, rank, channels
        self.factor = np.ones((), np.float64)
        self.bias: np.ndarray | None = None
        self.output = f.node.output[0]
        self._add()
        self._cast()
        while (value := self._next("Mul")) is not None and (value > 0).all() and np.isfinite(value).all():
            self.factor = self.factor * value
            self._take()
        if self.bias is not None:
            self.bias = self.bias * self.factor
        self._add()

    def _cast(self) -> None:
        reader = self._reader()
        if reader is None or reader.op_type != "Cast" or _type(reader) != TensorProto.FLOAT:
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

    def _reader(self) -> onnx.NodeProto | None:
        readers = self._f.scope.readers(self.output)
        return readers[0] if len(readers) == 1 and self.output not in self._f.scope.outputs else None

    def _take(self) -> None:
        self.output = self._reader().output[0]
        self._f.taken.add(self.output)

    def _next(self, operator: str) -> np.ndarray | None:
        """float64: the constant operand of the node behind, where it is such a node; one number, or one per channel."""
        reader = self._reader()
        if reader is None or reader.op_type != operator:
            return None
        other = reader.input[1] if reader.input[0] == self.output else reader.input[0]
        value = constant(self._f, other)
        if value is None:
            return None
        if value.size == 1:
            return value.reshape(()).astype(np.float64)
        shape = (1,) * (self._rank - value.ndim) + value.shape
        wanted = [1] * self._rank
        wanted[self._axis] = self._channels
        return value.reshape(-1).astype(np.float64) if list(shape) == wanted else None


def _type(cast: onnx.NodeProto) -> int:
    return next((a.i for a in cast.attribute if a.name == "to"), 0)


def constant(f: Form, name: str) -> np.ndarray | None:
    """A constant, or a product of two."""
    value = f.scope.array(name)
    maker = f.scope.maker(name)
    if value is None and maker is not None and maker.op_type == "Mul":
        factors = [f.scope.array(operand) for operand in maker.input]
        value = None if any(factor is None for factor in factors) else factors[0] * factors[1]
    return value


@form("ConvInteger")
def convolution(f: Form) -> None:
    weights = f.scope.array(f.input(1))
    if weights is None or weights.ndim < 3:
        raise f.error("its weights are computed while the model runs", "pass the float model, which is quantised here")
    tail = _Tail(f, 1, weights.ndim, weights.shape[0])
    source, scale = _source(f, 0, 2)
    operands = [source, _weights(f, tail, scale, axis=0)]
    if tail.bias is not None:
        bias = np.broadcast_to(tail.bias, (weights.shape[0],))
        operands.append(f.constant(bias))
    f.compute("Conv", *operands, output=tail.output, attributes=f.node.attribute)


@form("MatMulInteger")
def product(f: Form) -> None:
    weights = f.scope.array(f.input(1))
    rank = weights.ndim if weights is not None else 0
    tail = _Tail(f, max(rank, 1) - 1, max(rank, 1), weights.shape[-1] if rank else 1)
    source, scale = _source(f, 0, 2)
    if weights is not None:
        made = f.compute("MatMul", source, _weights(f, tail, scale, axis=rank - 1))
    else:
        other, other_scale = _source(f, 1, 3)
        made = f.compute("MatMul", source, other)
        rest = tail.factor / (float(scale) * float(other_scale))
        made = made if abs(rest - 1.0) < 1e-6 else f.add("Mul", made, f.constant(rest))
    _end(f, made, tail.bias, tail.output)


@form("MatMulIntegerToFloat")
def product_to_float(f: Form) -> None:
    """ONNX Runtime's: data, weights, their scales, their zero points, bias."""
    grids = []
    for index in (0, 1):
        zero = f.input(4 + index)
        scale = f.array(f.input(2 + index)).astype(np.float32)
        grids.append(f.grid_of(scale, f.array(zero) if zero else np.zeros((), f.integers(f.input(index)))))
    weights = f.scope.array(f.input(1))
    axis = 1 if weights is None else weights.ndim - 1
    made = f.compute("MatMul", f.dequantized(f.input(0), grids[0]), f.dequantized(f.input(1), grids[1], axis))
    _end(f, made, f.array(f.input(6)) if f.input(6) else None, f.node.output[0])


def _end(f: Form, made: str, bias: np.ndarray | None, output: str) -> None:
    if bias is None:
        f.nodes[-1].output[0] = output
    else:
        f.add("Add", made, f.constant(bias), output=output)


def _source(f: Form, index: int, zero_point: int) -> tuple[str, np.float32]:
    """The data as real numbers, and its scale: that of the QuantizeLinear, or 1 where the integers are all there is."""
    name = f.input(index)
    scale = f.grids[name].scale if name in f.grids else np.float32(1.0)
    return f.dequantized(name, f.grid_of(scale, _zero_point(f, index, zero_point))), np.float32(scale)


def _weights(f: Form, tail: _Tail, scale: np.float32, axis: int) -> str:
    left = np.asarray(tail.factor / np.float64(scale), np.float32)
    return f.dequantized(f.input(1), f.grid_of(left, _zero_point(f, 1, 3)), axis)


def _zero_point(f: Form, index: int, zero_point: int) -> np.ndarray:
    name = f.input(zero_point)
    return f.array(name) if name else np.zeros((), f.integers(f.input(index)))
