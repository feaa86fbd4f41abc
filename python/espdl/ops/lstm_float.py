# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM in single precision (ONNX LSTM)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, Params, operator
from espdl.ops.recurrent_floats import FloatArithmetic, RecurrentFloats, sigmoid, tanh


@operator("lstm_float")
@dataclass(frozen=True, eq=False)
class LstmFloat(RecurrentFloats):
    """As Lstm, in float32."""

    onnx = ("LSTM",)
    limits = "float32, constant weights, default activations without clip; else taken apart"
    layer = "espdl_lstm"
    has_cells = True

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a = FloatArithmetic(params, constants)
        peepholes = constants["peepholes"] if params["has_peepholes"] else None
        rows, cells = [], []
        for sequence, h, c in zip(a.sequences(inputs[0]), a.first("h", 1, inputs), a.first("c", 2, inputs)):
            results = []
            for x in sequence:
                h, c = _step(a, peepholes, x, h, c)
                results.append(h)
            rows.append(np.stack(results))
            cells.append(c)
        return [np.stack(rows, axis=1), np.stack(cells)]


def _step(
    a: FloatArithmetic, peepholes: np.ndarray | None, x: np.ndarray, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    enter, leave, forget, update = np.split(a.input_part(x) + a.state_part(h), 4)
    if peepholes is not None:
        enter, forget = enter + c * peepholes[0], forget + c * peepholes[2]
    c = sigmoid(forget) * c + sigmoid(enter) * tanh(update)
    if peepholes is not None:
        leave = leave + c * peepholes[1]
    return sigmoid(leave) * tanh(c), c
