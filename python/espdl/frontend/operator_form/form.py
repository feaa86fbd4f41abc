# SPDX-License-Identifier: Apache-2.0
"""What a form works with: a node's operands as real numbers, and its result as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.errors import EspdlError, present
from espdl.frontend.graph import Chain, about, array, settings, values
from espdl.quantization import Number, Quantization


class Form(Chain):
    """The nodes in the place of one node. `known`: what the integers of all tensors so far stand for."""

    def __init__(self, *arguments: Any):
        *chain, known, label = arguments
        self.known: dict[ir.Value, Quantization] = known
        self.label: str = label
        super().__init__(*chain)
        self.attributes = values(self.node)

    def input(self, index: int) -> ir.Value | None:
        """An input, None where it is left out."""
        return self.node.inputs[index] if index < len(self.node.inputs) else None

    def error(self, why: str, remedy: str) -> EspdlError:
        return EspdlError.at(self.label, about(self.node), why, remedy)

    def operand(self, index: int) -> ir.Value:
        """An input that has to be there."""
        value = self.input(index)
        if value is None:
            raise self.error(f"its input {index} is missing", "export the model again")
        return value

    def array(self, value: ir.Value) -> np.ndarray:
        """A scale, a zero point: they have to be constants."""
        known = array(value)
        if known is None:
            raise self.error(
                f"its scale or zero point '{value.name}' is computed while the model runs; the generated C has fixed "
                "ones",
                "pass the float model, which is quantised here, or quantise it with fixed scales",
            )
        return known

    def quantization(self, index: int, like: ir.Value | None = None, axis: int = 1) -> Quantization:
        """What the inputs `index` and `index` + 1 tell; a zero point that is left out is 0, of the type of the tensor
        `like`.
        """
        scale, zero = self.operand(index), self.input(index + 1)
        zero_point = np.zeros((), self.integers(present(like))) if zero is None else self.array(zero)
        return self.of(self.array(scale), zero_point, axis)

    def of(self, scale: Number | np.ndarray, zero_point: np.ndarray, axis: int = 1) -> Quantization:
        """One scale and zero point, or as many of both as one of them has."""
        scale = np.asarray(scale, np.float32)
        sizes = {scale.size, zero_point.size}
        if 0 in sizes or len(sizes - {1}) > 1:
            raise self.error(
                f"it has {scale.size} scales and {zero_point.size} zero points",
                "export the model again: they go together",
            )
        shape = () if sizes == {1} else (max(sizes),)
        scales, zeros = (np.broadcast_to(numbers.reshape(shape and -1), shape) for numbers in (scale, zero_point))
        return Quantization(scales, zeros, str(zero_point.dtype), axis if shape else None)

    def integers(self, value: ir.Value) -> np.dtype:
        """The type of a tensor of integers."""
        if value in self.known:
            return np.dtype(self.known[value].dtype)
        return np.dtype(np.uint8) if value.dtype is None else value.dtype.numpy()

    def real(self, index: int, axis: int = 1) -> ir.Value:
        """The input `index` as real numbers, by the scale and the zero point in the two inputs after it."""
        value = self.operand(index)
        return self.dequantized(value, self.quantization(index + 1, value, axis))

    def dequantized(self, value: ir.Value, by: Quantization) -> ir.Value:
        axis: dict[str, Any] = {} if by.axis is None else {"axis": by.axis}
        return self.add("DequantizeLinear", value, *self._constants(by), **axis)

    def quantized(self, value: ir.Value, by: Quantization) -> ir.Value:
        """`value` as the integers that the node's result is."""
        result = self.add("QuantizeLinear", value, *self._constants(by))
        self.known[result] = by
        return result

    def result(self, value: ir.Value, index: int) -> ir.Value:
        """The same, by what the inputs `index` and `index` + 1 tell."""
        return self.quantized(value, self.quantization(index, self.input(0)))

    def compute(self, operator: str, *inputs: Any, without: str = "", **more: Any) -> ir.Value:
        """The node itself, on real numbers, under its own name, with its own attributes but for `without`."""
        return self.add(operator, *inputs, name=self.node.name, **settings(self.node, without), **more)

    def channels_first(self, value: ir.Value, rank: int) -> ir.Value:
        """`value` as ONNX's own operator reads it: ONNX Runtime's optimiser turns some to channels last."""
        last = self.attributes.get("channels_last", 0)
        return self.add("Transpose", value, perm=[0, rank - 1, *range(1, rank - 1)]) if last else value

    def channels_back(self, value: ir.Value, rank: int) -> ir.Value:
        """`value`, computed by ONNX's own operator, as the node gives it."""
        last = self.attributes.get("channels_last", 0)
        return self.add("Transpose", value, perm=[0, *range(2, rank), 1]) if last else value

    def _constants(self, by: Quantization) -> tuple[ir.Value, ir.Value]:
        zero_point = np.asarray(by.zero_point, by.dtype)
        return self.constant(by.scale, "scale"), self.constant(zero_point, "zero_point")
