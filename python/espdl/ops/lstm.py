# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM with 16-bit states (ONNX LSTM; Hochreiter and Schmidhuber, Long Short-Term Memory, 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, Params, operator
from espdl.ops.recurrent import Recurrent
from espdl.ops.recurrent_integers import STATE_BITS, SUM_BITS, Arithmetic


@operator("lstm")
@dataclass(frozen=True, eq=False)
class Lstm(Recurrent):
    """Rows of the weights: input, output, forget, cell gate."""

    onnx = ("LSTM",)
    limits = "constant weights, default activations without clip; else taken apart"
    layer = "espdl_lstm"
    has_cells = True

    @classmethod
    def reference(cls, params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        a = Arithmetic(params, constants)
        rows, cells = [], []
        starts = zip(a.sequences(inputs[0]), a.first("h", 1, inputs), a.first("c", 2, inputs))
        for sequence, h, c in starts:
            results = []
            for x in sequence:
                state, c = _step(a, x, h, c)
                h = a.kept(state)
                results.append(a.output(state, cls.dtype))
            rows.append(np.stack(results))
            cells.append(c)
        sequences = np.stack(rows, axis=1)
        has_states = "cells_shift" in params
        return [sequences, a.output(np.stack(cells), cls.dtype, "cells")] if has_states else [sequences]


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """State and cells behind one step, in 1/32768."""
    enter, leave, forget, update = np.split(a.input_part(x) + a.state_part(h), 4)
    kept = a.product(a.sigmoid(forget + a.peep(2, c)), c)
    c = kept + a.product(a.sigmoid(enter + a.peep(0, c)), a.tanh(update))
    return a.product(a.sigmoid(leave + a.peep(1, c)), a.tanh(c >> (STATE_BITS - SUM_BITS))), c
