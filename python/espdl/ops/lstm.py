# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM (ONNX LSTM; Hochreiter and Schmidhuber, 1997): integers with 16-bit states, floats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, operator
from espdl.ops.recurrent import AnyRecurrentParams, Recurrent, RecurrentF32Params
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_floats import Floats
from espdl.ops.recurrent_integers import Integers


@operator("lstm")
@dataclass(frozen=True, eq=False)
class Lstm(Recurrent):
    """Rows of the weights: input, output, forget, cell gate."""

    onnx = ("LSTM",)
    limits = "constant weights, default activations without clip; else taken apart"
    layer = "espdl_lstm"
    has_cells = True

    @staticmethod
    def reference(params: AnyRecurrentParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a: Arithmetic
        if isinstance(params, RecurrentF32Params):
            a = Floats(params, constants, inputs[0].dtype)
        else:
            a = Integers(params, constants, inputs[0].dtype)
        rows, cells = [], []
        for sequence, h, c in zip(a.sequences(inputs[0]), a.first("h", 1, inputs), a.first("c", 2, inputs)):
            results = []
            for x in sequence:
                state, c = _step(a, x, h, c)
                h = a.kept(state)
                results.append(a.output(state))
            rows.append(np.stack(results))
            cells.append(c)
        sequences = np.stack(rows, axis=1)
        return [sequences, a.output(np.stack(cells), "cells")] if a.gives_cells else [sequences]


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What one step gives, and the cells behind it."""
    enter, leave, forget, update = np.split(a.input_part(x) + a.state_part(h), 4)
    kept = a.product(a.sigmoid(forget + a.peep(2, c)), c)
    c = kept + a.product(a.sigmoid(enter + a.peep(0, c)), a.tanh(update))
    return a.product(a.sigmoid(leave + a.peep(1, c)), a.tanh_of_cell(c)), c
