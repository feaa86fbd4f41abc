# SPDX-License-Identifier: Apache-2.0
"""What the recurrent layers share: int8 weights, 16-bit states and gates, functions by tables.

A gate's sum is an integer in 1/4096, a state or a gate in 1/32768. Sigmoid and tanh are interpolated between 512 points
of [-8, 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize
from espdl.ops.operator import Match, Mismatch, Operator
from espdl.targets import ROUND_TFLITE

SUM_BITS, STATE_BITS, STEP_BITS = 12, 15, 7
# Bias and product of a gate are saturated here, so that no sum of them leaves 32 bits.
LARGEST_PART = 2**28
POINTS = 2 ** (SUM_BITS + 4 - STEP_BITS)


@dataclass(frozen=True, eq=False)
class Recurrent(Operator):
    """Input [steps, 1, inputs], output [steps, 1, 1, hidden]; batch 1, states of zeros before the first step.

    `weights` int8 [rows, inputs + hidden]: those of the input, then those of the state. `weights_scale`,
    `recurrence_scale` [rows], `bias` float64 [2, rows]: of the input's part and of the state's part.
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    recurrence_scale: np.ndarray
    bias: np.ndarray

    @classmethod
    def from_match(cls, match: Match) -> Recurrent:
        weights, recurrence = (match.array(name) for name in ("weights", "recurrence"))
        if weights.dtype != np.int8 or recurrence.dtype != np.int8:
            raise Mismatch("its weights are not int8")
        rows = weights.shape[1]
        scales = [np.broadcast_to(match.scale(name).reshape(-1), (rows,)) for name in ("weights", "recurrence")]
        bias = match.real("bias").reshape(2, rows)
        joined = np.concatenate([weights[0], recurrence[0]], axis=1)
        return cls(match.inputs, match.outputs, match.source_nodes, joined, *scales, bias)

    @property
    def hidden(self) -> int:
        return self.outputs[0].shape[-1]

    @property
    def macs(self) -> int:
        return self.inputs[0].shape[0] * self.weights.size


def tables() -> np.ndarray:
    """int16 [2, POINTS + 1]: sigmoid and tanh at -8, -8 + 1/32, ..., 8."""
    x = np.arange(POINTS + 1) * 2.0 ** (STEP_BITS - SUM_BITS) - 8.0
    values = np.stack([0.5 + 0.5 * np.tanh(0.5 * x), np.tanh(x)])
    return np.clip(np.rint(values * 2.0**STATE_BITS), -(2**15), 2**15 - 1).astype(np.int16)


class Arithmetic:
    """The integer arithmetic of a kernel call, all values int64."""

    def __init__(self, params: Mapping[str, Any], constants: Mapping[str, np.ndarray]):
        self.params = params
        self.weights = constants["weights"].astype(np.int64)
        self.records = constants["records"].astype(np.int64)
        self.table = constants["table"].astype(np.int64)

    def input_part(self, x: np.ndarray) -> np.ndarray:
        """Sums of the gates from one step's input, int64 [rows] in 1/4096, with the bias of that part."""
        acc = self.weights[:, : self.params["inputs"]] @ (x.astype(np.int64) - self.params["input_zero_point"])
        bias, multiplier, shift = self.records[:, [0, 2, 3]].T
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def state_part(self, h: np.ndarray) -> np.ndarray:
        """Likewise from the state (in 1/32768)."""
        bias, multiplier, shift = self.records[:, [1, 4, 5]].T
        acc = self.weights[:, self.params["inputs"] :] @ h
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def sigmoid(self, value: np.ndarray) -> np.ndarray:
        return self._interpolated(0, value)

    def tanh(self, value: np.ndarray) -> np.ndarray:
        return self._interpolated(1, value)

    def _interpolated(self, row: int, value: np.ndarray) -> np.ndarray:
        place = np.clip(value, -(2**15), 2**15 - 1) + 2**15
        index, part = place >> STEP_BITS, place & (2**STEP_BITS - 1)
        low, high = self.table[row][index], self.table[row][index + 1]
        return low + (((high - low) * part + 2 ** (STEP_BITS - 1)) >> STEP_BITS)

    @staticmethod
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a * b, `a` in 1/32768."""
        return (a * b + 2 ** (STATE_BITS - 1)) >> STATE_BITS

    def output(self, h: np.ndarray) -> np.ndarray:
        scaled = requantize(h, self.params["output_multiplier"], self.params["output_shift"], ROUND_TFLITE)
        return np.clip(scaled + self.params["output_zero_point"], -128, 127).astype(np.int8)


def _saturated(part: np.ndarray) -> np.ndarray:
    return np.clip(part, -LARGEST_PART, LARGEST_PART)
