# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers in single precision: the order of all operations is that of src/kernels/recurrent_f32.h."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from espdl.ops.operator import Constants
from espdl.ops.recurrent import RecurrentF32Params
from espdl.ops.recurrent_arithmetic import Arithmetic

_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
_ONE, _TWO = np.float32(1.0), np.float32(2.0)


class Floats(Arithmetic):
    """All values float32."""

    def __init__(self, params: RecurrentF32Params, constants: Constants, dtype: np.dtype):
        super().__init__(params, constants, dtype)
        self.has_peepholes, inputs = params.has_peepholes, params.inputs
        self.of_input, self.of_state = constants["weights"][:, :inputs], constants["weights"][:, inputs:]

    def of_constant(self, values: np.ndarray) -> np.ndarray:
        return values

    def of_tensor(self, name: str, values: np.ndarray) -> np.ndarray:
        return values

    def input_part(self, x: np.ndarray) -> np.ndarray:
        return _products(self.constants["bias"][0], self.of_input, x)

    def state_part(self, h: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        return _products(self.constants["bias"][1][rows], self.of_state[rows], h)

    def peep(self, gate: int, cell: np.ndarray) -> np.ndarray:
        return cell * self.constants["peepholes"][gate] if self.has_peepholes else np.zeros_like(cell)

    def sigmoid(self, value: np.ndarray) -> np.ndarray:
        return sigmoid(value)

    def tanh(self, value: np.ndarray) -> np.ndarray:
        return tanh(value)

    def tanh_of_cell(self, cell: np.ndarray) -> np.ndarray:
        return tanh(cell)

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * b


def _products(start: np.ndarray, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`start` and the products of each row, one after the other."""
    total = start.copy()
    for column, value in zip(weights.T, values):
        total += column * value
    return total


def _polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + np.float32(coefficient)
    return total


def _exp(x: np.ndarray) -> np.ndarray:
    magic = np.float32(12582912.0)
    shifted = x * np.float32(1.44269504) + magic
    n = shifted - magic
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
    total = (_polynomial(_EXP, r) * r) * r + r
    power = ((shifted.view(np.uint32) + np.uint32(127)) << np.uint32(23)).view(np.float32)
    return (total + _ONE) * power


def sigmoid(x: np.ndarray) -> np.ndarray:
    return _ONE / (_ONE + _exp(-np.clip(x, np.float32(-87), np.float32(87))))


def tanh(x: np.ndarray) -> np.ndarray:
    limited = np.clip(x, np.float32(-20), np.float32(20))
    square = limited * limited
    near = (_polynomial(_TANH, square) * square) * limited + limited
    far = _ONE - _TWO / (_exp(limited + limited) + _ONE)
    return np.where((limited > np.float32(-0.625)) & (limited < np.float32(0.625)), near, far)
