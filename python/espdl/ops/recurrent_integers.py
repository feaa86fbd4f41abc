# SPDX-License-Identifier: Apache-2.0
"""The integer arithmetic of recurrent layers: int8 weights, 16-bit states and gates, functions by tables.

A gate's sum is an integer in 1/4096, a state or a gate in 1/32768. Sigmoid and tanh are interpolated between 512 points
of [-8, 8). States that are given and larger than 1 are kept in a coarser unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espdl.ops.numerics import requantize
from espdl.ops.recurrent import CONSTANT, TENSOR
from espdl.targets import ROUND_TFLITE

SUM_BITS, STATE_BITS, STEP_BITS = 12, 15, 7
# Bias and product of a gate are saturated here, so that no sum of them leaves 32 bits.
LARGEST_PART = 2**28
POINTS = 2 ** (SUM_BITS + 4 - STEP_BITS)


def tables() -> np.ndarray:
    """int16 [2, POINTS + 1]: sigmoid and tanh at -8, -8 + 1/32, ..., 8."""
    x = np.arange(POINTS + 1) * 2.0 ** (STEP_BITS - SUM_BITS) - 8.0
    values = np.stack([0.5 + 0.5 * np.tanh(0.5 * x), np.tanh(x)])
    return np.clip(np.rint(values * 2.0**STATE_BITS), -(2**15), 2**15 - 1).astype(np.int16)


class Arithmetic:
    """That of one kernel call, all values int64; a call without states has no parameters for them."""

    def __init__(self, params: Mapping[str, Any], constants: Mapping[str, np.ndarray]):
        self.params = {"batch": 1, "h_source": 0, "c_source": 0, "h_extra_bits": 0, "reset_first": 0} | {
            name.removeprefix("layer."): value for name, value in params.items()
        }
        self.constants = constants
        self.weights = constants["weights"].astype(np.int64)
        self.records = constants["records"].astype(np.int64)
        self.table = constants["table"].astype(np.int64)

    def sequences(self, x: np.ndarray) -> list[np.ndarray]:
        """[steps, inputs] for each sequence."""
        p = self.params
        return list(x.reshape(p["steps"], p["batch"], p["inputs"]).swapaxes(0, 1))

    def first(self, name: str, index: int, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """State `name` ("h", "c") of every sequence before the first step; `index`: of the tensor that may give it."""
        p = self.params
        shape = (p["batch"], p["hidden"])
        if p[f"{name}_source"] == CONSTANT:
            return self.constants["initial"].astype(np.int64).reshape(-1, *shape)[index - 1]
        if p[f"{name}_source"] != TENSOR:
            return np.zeros(shape, np.int64)
        values = inputs[index].reshape(shape).astype(np.int64) - p[f"{name}_zero_point"]
        scaled = requantize(values, p[f"{name}_multiplier"], p[f"{name}_shift"], ROUND_TFLITE)
        return np.clip(scaled, -(2**15), 2**15 - 1) if name == "h" else _saturated(scaled)

    def input_part(self, x: np.ndarray) -> np.ndarray:
        """Sums of the gates from one step's input, int64 [rows] in 1/4096, with the bias of that part."""
        acc = self.weights[:, : self.params["inputs"]] @ (x.astype(np.int64) - self.params["input_zero_point"])
        bias, multiplier, shift = self.records[:, [0, 2, 3]].T
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def state_part(self, h: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        """Likewise from the state, as it is kept."""
        bias, multiplier, shift = self.records[rows][:, [1, 4, 5]].T
        acc = self.weights[rows, self.params["inputs"] :] @ h
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def peep(self, gate: int, cell: np.ndarray) -> np.ndarray:
        """What a gate sees of the cells, in 1/4096."""
        shift = self.params.get("peephole_shift", 0)
        if not shift:
            return np.zeros_like(cell)
        product = cell * self.constants["peepholes"][gate].astype(np.int64)
        return _saturated((product + (1 << (shift - 1))) >> shift)

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

    def kept(self, h: np.ndarray) -> np.ndarray:
        """A state in 1/32768 as it is kept."""
        bits = self.params["h_extra_bits"]
        return np.clip((h + ((1 << bits) >> 1)) >> bits, -(2**15), 2**15 - 1)

    def output(self, value: np.ndarray, dtype: str, name: str = "output") -> np.ndarray:
        """A value in 1/32768 as one of the output "output" or "cells"."""
        p, info = self.params, np.iinfo(dtype)
        scaled = requantize(value, p[f"{name}_multiplier"], p[f"{name}_shift"], ROUND_TFLITE)
        return np.clip(scaled + p[f"{name}_zero_point"], info.min, info.max).astype(dtype)


def _saturated(part: np.ndarray) -> np.ndarray:
    return np.clip(part, -LARGEST_PART, LARGEST_PART)
