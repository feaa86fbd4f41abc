# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM (ONNX LSTM; Hochreiter and Schmidhuber, 1997): integers with 16-bit states, floats."""

from __future__ import annotations

import numpy as np

from espdl.ops.operator import Arrays, Constants, operator
from espdl.ops.recurrent import AnyRecurrentParams, Recurrent
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_steps import run


@operator("lstm")
class Lstm(Recurrent):
    """Rows of the weights: input, output, forget, cell gate."""

    onnx = ("LSTM",)
    limits = "constant weights, default activations without clip; else taken apart"
    layer = "espdl_lstm"
    has_cells = True

    @staticmethod
    def reference(params: AnyRecurrentParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return run(params, inputs, constants, _step, has_cells=True)


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What one step gives, and the cells behind it."""
    enter, leave, forget, update = np.split(a.input_part(x) + a.state_part(h), 4)
    kept = a.product(a.sigmoid(forget + a.peep(2, c)), c)
    c = kept + a.product(a.sigmoid(enter + a.peep(0, c)), a.tanh(update))
    return a.product(a.sigmoid(leave + a.peep(1, c)), a.tanh_of_cell(c)), c
