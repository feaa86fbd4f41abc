# SPDX-License-Identifier: Apache-2.0
"""A forward GRU (ONNX GRU; Cho et al., Learning Phrase Representations, 2014): integers with 16-bit states, floats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, operator
from espdl.ops.recurrent import AnyRecurrentParams, Recurrent, RecurrentF32Params
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_floats import Floats
from espdl.ops.recurrent_integers import Integers


@operator("gru")
@dataclass(frozen=True, eq=False)
class Gru(Recurrent):
    """Rows of the weights: update, reset, hidden gate."""

    onnx = ("GRU",)
    limits = "constant weights, default activations without clip; else taken apart"
    layer = "espdl_gru"

    @staticmethod
    def reference(params: AnyRecurrentParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a: Arithmetic
        if isinstance(params, RecurrentF32Params):
            a = Floats(params, constants, inputs[0].dtype)
        else:
            a = Integers(params, constants, inputs[0].dtype)
        rows = []
        for sequence, h in zip(a.sequences(inputs[0]), a.first("h", 1, inputs)):
            results = []
            for x in sequence:
                state = _step(a, x, h)
                h = a.kept(state)
                results.append(a.output(state))
            rows.append(np.stack(results))
        return [np.stack(rows, axis=1)]


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """What one step gives."""
    size = a.layer.hidden
    update, reset, new = np.split(a.input_part(x), 3)
    of_update, of_reset = np.split(a.state_part(h, slice(0, 2 * size)), 2)
    reset = a.sigmoid(reset + of_reset)
    last = slice(2 * size, None)
    if a.params.reset_first:
        inner = a.state_part(a.product(reset, h), last)
    else:
        inner = a.product(reset, a.state_part(h, last))
    new = a.tanh(new + inner)
    return new + a.product(a.sigmoid(update + of_update), a.unkept(h) - new)
