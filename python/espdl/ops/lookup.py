# SPDX-License-Identifier: Apache-2.0
"""Elementwise function of one tensor as a table (ONNX Relu, Sigmoid, ..., or a change of scale).

A function of int8 is its 256 values; one of int16 is straight lines between entries (`pieces`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from espdl.ops import pieces
from espdl.ops.numerics import activation_range, quantize_value
from espdl.ops.operator import (
    Arrays,
    Constants,
    Match,
    Mismatch,
    Operator,
    PatternBuilder,
    operator,
)
from espdl.plan.params import Params
from espdl.plan.types import Tensor


class LookupS16Params(Params, c_type="espdl_lookup_s16_params_t"):
    count: int


class LookupParams(LookupS16Params, c_type="espdl_lookup_params_t"):
    row: int
    input_pitch: int
    output_pitch: int


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _erf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf)(x)


# Functions of float64. Where one is undefined (square root of -1) it gives NaN, which becomes zero.
FUNCTIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "relax.sigmoid": _sigmoid,
    "relax.tanh": np.tanh,
    "relax.exp": np.exp,
    "relax.log": np.log,
    "relax.sqrt": np.sqrt,
    "relax.rsqrt": lambda x: 1.0 / np.sqrt(x),
    "relax.abs": np.abs,
    "relax.negative": np.negative,
    "relax.square": np.square,
    "relax.sign": np.sign,
    "relax.floor": np.floor,
    "relax.ceil": np.ceil,
    "relax.round": np.rint,
    "relax.sin": np.sin,
    "relax.cos": np.cos,
    "relax.erf": _erf,
    "relax.nn.silu": lambda x: x * _sigmoid(x),
    "relax.nn.gelu": lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))),
    "relax.nn.gelu_tanh": lambda x: 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),
    "relax.nn.softplus": lambda x: np.logaddexp(0.0, x),
}
LEAKY_RELU = "relax.nn.leakyrelu"


class OfBytes(Operator):
    """What reads an input's bytes as they are, uint8 or int8, and makes int8."""

    @property
    def dtype(self) -> str:
        return self.outputs[0].dtype if self.inputs[0].dtype == "uint8" else super().dtype


@operator("lookup")
class Lookup(OfBytes):
    """y = activation(function(x)) for one tensor of int8 or int16, or of an input's bytes.

    `function` is a key of FUNCTIONS, LEAKY_RELU with its slope `alpha`, or None for the identity.
    """

    function: str | None
    alpha: float
    activation: tuple[float, float] | None

    onnx = (
        "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Abs", "Neg", "Sign", "Floor",
        "Ceil", "Round", "Sin", "Cos", "Erf", "Gelu", "Softplus",
    )  # fmt: skip
    kind = "table"
    priority = 5

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        functions = (p.call(name, x, label=name) for name in (*FUNCTIONS, LEAKY_RELU))
        return p.quantized(p.activated(p.any_of(*functions, x)))

    @classmethod
    def from_match(cls, match: Match) -> Lookup:
        x, (y,) = match.tensor("x"), match.outputs
        function = next((name for name in (*FUNCTIONS, LEAKY_RELU) if match.has(name)), None)
        if function is None and match.activation is None and "int16" in (x.dtype, y.dtype):
            raise Mismatch("it changes a scale of 16 bits, for which no table is needed")
        return cls(
            *match.ports,
            function=function,
            alpha=float(match.attribute(LEAKY_RELU, "alpha")) if match.has(LEAKY_RELU) else 1.0,
            activation=match.activation,
        )

    @np.errstate(all="ignore")
    def table(self) -> np.ndarray:
        """The output for all integers of the input, from the smallest on."""
        (x,), (y,) = self.inputs, self.outputs
        # In float32, as ONNX dequantises: functions that jump (round, floor) must see the same values.
        steps = (every_integer(x) - x.zero_point).astype(np.float32)
        real = (steps * np.float32(x.scale)).astype(np.float64)
        if self.function == LEAKY_RELU:
            real = np.where(real < 0.0, self.alpha * real, real)
        elif self.function is not None:
            real = np.nan_to_num(FUNCTIONS[self.function](real), nan=0.0, posinf=np.inf, neginf=-np.inf)
        return np.clip(quantize_value(real, y), *activation_range(self.activation, y)).astype(y.dtype)

    def held(self, ranges: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        return ends_of_table(self.table(), ranges, self.inputs[0].dtype)

    @staticmethod
    def reference(params: LookupParams | LookupS16Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        if not isinstance(params, LookupParams):
            return [pieces.evaluate(inputs[0], constants["blocks"], constants["table"])]
        return [constants["table"][inputs[0].view(np.int8).astype(np.int64) + 128]]


def ends_of_table(table: np.ndarray, ranges: Sequence[tuple[int, int]], dtype: str) -> tuple[int, int] | None:
    """The least and the largest entry of a table of 256 values for an input of bytes within its range."""
    if len(table) != 256 or len(ranges) != 1:
        return None
    ((low, high),) = ranges
    least = np.iinfo(dtype).min
    entries = table[low - least : high - least + 1]
    return int(entries.min()), int(entries.max())


def every_integer(x: Tensor) -> np.ndarray:
    """All integers that a tensor may hold, from the smallest on."""
    info = np.iinfo(x.dtype)
    return np.arange(info.min, info.max + 1)


@operator("table")
class Table(OfBytes):
    """y = quantize(values[x + half]): any function of one tensor, such as a chain of elementwise operators.

    `values` float32 [2 * half], half 128 (int8) or 32768 (int16).
    """

    values: np.ndarray

    onnx = (
        "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cosh", "Elu", "HardSigmoid", "HardSwish", "Mish",
        "Pow", "Reciprocal", "Selu", "Shrink", "Sinh", "Softsign", "Swish", "Tan", "ThresholdedRelu",
    )  # fmt: skip
    kind = "table"
    priority = 5

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        index = p.call("relax.add", p.call("relax.astype", p.wildcard("x")), p.constant("offset"))
        return p.quantized(p.call("relax.take", p.constant("values"), index))

    @classmethod
    def from_match(cls, match: Match) -> Table:
        values, dtype = match.array("values"), match.tensor("x").dtype
        half = {"int8": 128, "int16": 32768}.get(dtype)
        if half is None or values.shape != (2 * half,) or match.array("offset").item() != half:
            raise Mismatch(f"it is no table of all values of an {dtype} tensor")
        return cls(*match.ports, values=values)

    def table(self) -> np.ndarray:
        """The output for all integers of the input. Where the function is undefined it gives zero."""
        values = np.nan_to_num(self.values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
        return quantize_value(values, self.outputs[0])

    def held(self, ranges: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        return ends_of_table(self.table(), ranges, self.inputs[0].dtype)

    reference = staticmethod(Lookup.reference)
