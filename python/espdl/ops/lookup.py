# SPDX-License-Identifier: Apache-2.0
"""Elementwise function of one tensor as a table of 256 bytes (ONNX Relu, Sigmoid, ..., or a change of scale)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from espdl.ops.numerics import activation_range, quantize_value
from espdl.ops.operator import Match, Mismatch, Operator, PatternBuilder, operator


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


# Functions of float64; those that have attributes get them as keywords.
FUNCTIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "relax.sigmoid": _sigmoid,
    "relax.tanh": np.tanh,
}


@operator("lookup")
@dataclass(frozen=True, eq=False)
class Lookup(Operator):
    """y = activation(function(x)) for one int8 tensor; `function` is a key of FUNCTIONS, or None for the identity."""

    function: str | None
    activation: tuple[float, float] | None

    priority = 5

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        x = p.dequantized("x")
        return p.quantized(p.activated(p.any_of(*(p.call(name, x, label=name) for name in FUNCTIONS), x)))

    @classmethod
    def from_match(cls, match: Match) -> "Lookup":
        for tensor in (match.tensor("x"), *match.outputs):
            if tensor.dtype != "int8":
                raise Mismatch(f"tensor '{tensor.name}' is {tensor.dtype}, not int8")
        return cls(
            inputs=match.inputs,
            outputs=match.outputs,
            source_nodes=match.source_nodes,
            function=next((name for name in FUNCTIONS if match.has(name)), None),
            activation=match.activation,
        )

    def table(self) -> np.ndarray:
        """int8 [256]: the output for x = -128 .. 127."""
        (x,), (y,) = self.inputs, self.outputs
        real = (np.arange(-128, 128) - x.zero_point) * np.float64(np.float32(x.scale))
        if self.function is not None:
            real = FUNCTIONS[self.function](real)
        return np.clip(quantize_value(real, y), *activation_range(self.activation, y)).astype(np.int8)

    @staticmethod
    def reference(
        params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        return [constants["table"][inputs[0].astype(np.int64) + 128]]
