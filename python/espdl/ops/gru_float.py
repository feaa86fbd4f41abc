# SPDX-License-Identifier: Apache-2.0
"""A forward GRU in single precision (ONNX GRU)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, Params, operator
from espdl.ops.recurrent_floats import FloatArithmetic, RecurrentFloats, sigmoid, tanh


@operator("gru_float")
@dataclass(frozen=True, eq=False)
class GruFloat(RecurrentFloats):
    """As Gru, in float32."""

    onnx = ("GRU",)
    limits = "float32, constant weights, default activations without clip; else taken apart"
    layer = "espdl_gru"

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a = FloatArithmetic(params, constants)
        rows = []
        for sequence, h in zip(a.sequences(inputs[0]), a.first("h", 1, inputs)):
            results = []
            for x in sequence:
                h = _step(a, x, h)
                results.append(h)
            rows.append(np.stack(results))
        return [np.stack(rows, axis=1)]


def _step(a: FloatArithmetic, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    size = a.params["hidden"]
    last = slice(2 * size, None)
    update, reset, new = np.split(a.input_part(x), 3)
    of_update, of_reset = np.split(a.state_part(h, slice(0, 2 * size)), 2)
    reset = sigmoid(reset + of_reset)
    inner = a.state_part(reset * h, last) if a.params["reset_first"] else reset * a.state_part(h, last)
    new = tanh(new + inner)
    return new + sigmoid(update + of_update) * (h - new)
