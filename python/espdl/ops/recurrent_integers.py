# SPDX-License-Identifier: Apache-2.0
"""The integer arithmetic of recurrent layers: int8 weights, 16-bit states and gates, functions by tables.

A gate's sum is an integer in 1/4096, a state or a gate in 1/32768. Sigmoid and tanh are interpolated between 512 points
of [-8, 8). States that are given and larger than 1 are kept in a coarser unit.
"""

from __future__ import annotations

import numpy as np

from espdl.ops.numerics import requantize
from espdl.ops.operator import Constants
from espdl.ops.recurrent import RecurrentParams, RecurrentStatesParams
from espdl.ops.recurrent_arithmetic import Arithmetic
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


class Integers(Arithmetic):
    """All values int64; a call without states has no parameters for them."""

    def __init__(self, params: RecurrentParams | RecurrentStatesParams, constants: Constants, dtype: np.dtype):
        self.has_states = isinstance(params, RecurrentStatesParams)
        self.states = params if isinstance(params, RecurrentStatesParams) else RecurrentStatesParams(params)
        super().__init__(self.states, constants, dtype)
        self.weights = constants["weights"].astype(np.int64)
        self.records = constants["records"].astype(np.int64)
        self.table = constants["table"].astype(np.int64)

    @property
    def gives_cells(self) -> bool:
        return self.has_states

    def of_constant(self, values: np.ndarray) -> np.ndarray:
        return values.astype(np.int64)

    def of_tensor(self, name: str, values: np.ndarray) -> np.ndarray:
        p = self.states
        h, c = (p.h_zero_point, p.h_multiplier, p.h_shift), (p.c_zero_point, p.c_multiplier, p.c_shift)
        zero_point, multiplier, shift = h if name == "h" else c
        scaled = requantize(values.astype(np.int64) - zero_point, multiplier, shift, ROUND_TFLITE)
        return np.clip(scaled, -(2**15), 2**15 - 1) if name == "h" else _saturated(scaled)

    def input_part(self, x: np.ndarray) -> np.ndarray:
        acc = self.weights[:, : self.layer.inputs] @ (x.astype(np.int64) - self.states.layer.input_zero_point)
        bias, multiplier, shift = self.records[:, [0, 2, 3]].T
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def state_part(self, h: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        bias, multiplier, shift = self.records[rows][:, [1, 4, 5]].T
        acc = self.weights[rows, self.layer.inputs :] @ h
        return _saturated(requantize(acc, multiplier, shift, ROUND_TFLITE)) + bias

    def peep(self, gate: int, cell: np.ndarray) -> np.ndarray:
        shift = self.states.peephole_shift
        if not shift:
            return np.zeros_like(cell)
        product = cell * self.constants["peepholes"][gate].astype(np.int64)
        return _saturated((product + (1 << (shift - 1))) >> shift)

    def sigmoid(self, value: np.ndarray) -> np.ndarray:
        return self._interpolated(0, value)

    def tanh(self, value: np.ndarray) -> np.ndarray:
        return self._interpolated(1, value)

    def tanh_of_cell(self, cell: np.ndarray) -> np.ndarray:
        return self.tanh(cell >> (STATE_BITS - SUM_BITS))

    def _interpolated(self, row: int, value: np.ndarray) -> np.ndarray:
        place = np.clip(value, -(2**15), 2**15 - 1) + 2**15
        index, part = place >> STEP_BITS, place & (2**STEP_BITS - 1)
        low, high = self.table[row][index], self.table[row][index + 1]
        return low + (((high - low) * part + 2 ** (STEP_BITS - 1)) >> STEP_BITS)

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a * b, `a` in 1/32768."""
        return (a * b + 2 ** (STATE_BITS - 1)) >> STATE_BITS

    def kept(self, h: np.ndarray) -> np.ndarray:
        bits = self.states.h_extra_bits
        return np.clip((h + ((1 << bits) >> 1)) >> bits, -(2**15), 2**15 - 1)

    def unkept(self, h: np.ndarray) -> np.ndarray:
        return h << self.states.h_extra_bits

    def output(self, value: np.ndarray, name: str = "output") -> np.ndarray:
        p, y, info = self.states, self.states.layer, np.iinfo(self.dtype)
        multiplier, shift, zero_point = y.output_multiplier, y.output_shift, y.output_zero_point
        if name == "cells":
            multiplier, shift, zero_point = p.cells_multiplier, p.cells_shift, p.cells_zero_point
        scaled = requantize(value, multiplier, shift, ROUND_TFLITE)
        return np.clip(scaled + zero_point, info.min, info.max).astype(self.dtype)


def _saturated(part: np.ndarray) -> np.ndarray:
    return np.clip(part, -LARGEST_PART, LARGEST_PART)
