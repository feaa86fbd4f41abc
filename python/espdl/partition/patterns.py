# SPDX-License-Identifier: Apache-2.0
"""Builds TVM dataflow patterns from the operators' own description, and reads a match back as plain values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tvm
from tvm.relax.dpl import is_call_dps_packed, is_const, is_op, is_tuple, wildcard

from espdl.errors import present
from espdl.ops.operator import Mismatch, Operator, PatternBuilder
from espdl.partition.scales import per_tensor, quantization
from espdl.partition.tvm_compat import attribute, dtype_of, is_constant, number_of, op_name, shape_of
from espdl.plan.types import Tensor
from espdl.quantization import Quantization

# Labels that the builder gives by itself; operators cannot use them because of the colon.
_RELU, _CLIP, _OUTPUT = "activation:relu", "activation:clip", "output:quantize"


class TvmPattern:
    """A pattern of one operator: `root`, and `labels` for its parts. Implements ops.operator.PatternBuilder."""

    def __init__(self, operator: type[Operator], build: Callable[[PatternBuilder], Any]):
        self.operator = operator
        self.labels: dict[str, Any] = {}
        self.input_labels: list[str] = []
        self.root = build(self)

    @staticmethod
    def quantizes(expressions: Mapping[str, Any]) -> bool:
        """Whether what matched ends in a quantize."""
        return _OUTPUT in expressions

    def call(self, name: str, *arguments: Any, label: str | None = None) -> Any:
        return self._labelled(label, is_op(name)(*arguments))

    def dequantized(self, label: str) -> Any:
        """An activation: dequantize(tensor, scale, zero point)."""
        self.input_labels.append(label)
        return self._labelled(label, is_op("relax.dequantize")(wildcard(), is_const(), is_const()))

    def constant(self, label: str) -> Any:
        """Weights: dequantize(constant, scale, zero point), or a constant as it is."""
        return self._labelled(label, is_op("relax.dequantize")(is_const(), is_const(), is_const()) | is_const())

    def wildcard(self, label: str | None = None) -> Any:
        if label is not None:
            self.input_labels.append(label)
        return self._labelled(label, wildcard())

    def quantized(self, value: Any) -> Any:
        return self._labelled(_OUTPUT, is_op("relax.quantize")(value, is_const(), is_const()))

    def requantized(self, label: str, value: Any) -> Any:
        """An int8 tensor inside of the pattern: dequantize(quantize(value)); `label` is the dequantize."""
        inner = is_op("relax.quantize")(value, is_const(), is_const())
        return self._labelled(label, is_op("relax.dequantize")(inner, is_const(), is_const()))

    def activated(self, value: Any) -> Any:
        """`value`, relu(value) or clip(value, constants)."""
        relu = self._labelled(_RELU, is_op("relax.nn.relu")(value))
        clip = self._labelled(_CLIP, is_op("relax.clip")(value, wildcard(), wildcard()))
        return clip | relu | value

    def any_of(self, *alternatives: Any) -> Any:
        result = alternatives[0]
        for other in alternatives[1:]:
            result = result | other
        return result

    def packed(self, name: str, *arguments: Any) -> Any:
        """A call of something that TVM does not know (a converter of ours made it)."""
        return is_call_dps_packed(name, list(arguments))

    def tuple(self, *parts: Any) -> Any:
        """The operands of an operator that takes several as one argument."""
        return is_tuple(list(parts))

    def _labelled(self, label: str | None, pattern: Any) -> Any:
        if label is not None:
            if label in self.labels:
                raise RuntimeError(f"operator '{self.operator.name}' uses the label '{label}' twice")
            self.labels[label] = pattern
        return pattern


class TvmMatch:
    """What a pattern matched. Implements ops.operator.Match.

    `expressions`: label -> matched expression; `value`: variable -> its definition; `name`: variable -> tensor name.
    """

    def __init__(
        self,
        pattern: TvmPattern,
        expressions: Mapping[str, Any],
        value: Callable[[Any], Any],
        name: Callable[[Any], str],
        output: Any,
        output_name: str,
        source_nodes: tuple[str, ...],
    ):
        self._expressions = {label: value(e) for label, e in expressions.items()}
        self._raw = expressions
        self._name = name
        self.source_nodes = source_nodes
        self.inputs = tuple(self.tensor(label) for label in pattern.input_labels if self.has(label))
        self.outputs: tuple[Tensor, ...] = (self._output(value(output), output_name),)

    @property
    def ports(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[str, ...]]:
        """With what every operator begins."""
        return self.inputs, self.outputs, self.source_nodes

    @property
    def activation(self) -> tuple[float, float] | None:
        if _CLIP in self._expressions:
            low, high = (number_of(a) for a in self._expressions[_CLIP].args[1:3])
            return low, high
        return (0.0, math.inf) if _RELU in self._expressions else None

    def has(self, label: str) -> bool:
        return label in self._expressions

    def tensor(self, label: str) -> Tensor:
        """The tensor that a `dequantized` or `wildcard` label stands for."""
        expression = self._expressions[label]
        if op_name(expression) == "relax.dequantize":
            return self._tensor(expression.args[0], _one(expression))
        return self._tensor(self._raw[label], None)

    def array(self, label: str) -> np.ndarray:
        expression = self._expressions[label]
        constant = expression.args[0] if op_name(expression) == "relax.dequantize" else expression
        if not is_constant(constant):
            raise Mismatch(f"its {label} are computed, not constant")
        return constant.value.numpy()

    def real(self, label: str) -> np.ndarray:
        """float64: what constants stand for, whether they are quantised or not."""
        expression, values = self._expressions[label], self.array(label)
        if op_name(expression) != "relax.dequantize":
            return values.astype(np.float64)
        return present(quantization(expression)).dequantize(values, np.float64)

    def scale(self, label: str) -> np.ndarray:
        expression = self._expressions[label]
        if op_name(expression) != "relax.dequantize":
            raise Mismatch(f"its {label} are not quantised")
        if np.any(expression.args[2].value.numpy()):
            raise Mismatch(f"its {label} have a zero point, only symmetric ones can be accelerated")
        return expression.args[1].value.numpy()

    def operand(self, label: str) -> tuple[Tensor, np.ndarray]:
        """A constant operand as an int8 tensor without a name, and its values; a float one is quantised here."""
        expression = self._expressions[label]
        values = self.array(label)
        if op_name(expression) == "relax.dequantize":
            known = _one(expression)
        elif values.dtype == np.float32:
            known = Quantization(max(float(np.abs(values).max(initial=0.0)) / 127, 2.0**-60))
            values = np.rint(values / known.scale).astype(np.int8)
        if values.dtype != np.int8:
            raise Mismatch(f"its constant operand is {values.dtype}, not int8")
        return Tensor("", values.shape, "int8").with_quantization(known), values

    def attribute(self, label: str, name: str) -> Any:
        return attribute(self._expressions[label], name)

    def argument(self, label: str, index: int) -> tuple[int, ...] | None:
        """A list of numbers that a call takes as an operand; None where it is left out."""
        arguments = self._expressions[label].args
        return tuple(int(number_of(f)) for f in arguments[index].fields) if index < len(arguments) else None

    def _tensor(self, source: Any, known: Quantization | None) -> Tensor:
        if is_constant(source):
            raise Mismatch("one of its operands is a constant")
        if not isinstance(source, tvm.ir.Var) or not hasattr(source.ty, "shape"):
            raise Mismatch("one of its operands is no tensor")
        return Tensor(self._name(source), _static(source), dtype_of(source)).with_quantization(known)

    def _output(self, output: Any, name: str) -> Tensor:
        quantize = self._expressions.get(_OUTPUT)
        known = None if quantize is None else _one(quantize)
        return Tensor(name, _static(output), dtype_of(output)).with_quantization(known)


def _static(expression: Any) -> tuple[int, ...]:
    try:
        return shape_of(expression)
    except ValueError as error:
        raise Mismatch(str(error)) from error


def _one(call: Any) -> Quantization:
    found = per_tensor(call)
    if found is None:
        raise Mismatch("an activation has more than one scale")
    return found
