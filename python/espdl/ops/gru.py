# SPDX-License-Identifier: Apache-2.0
"""A forward GRU (ONNX GRU; Cho et al., Learning Phrase Representations, 2014): integers with 16-bit states, floats."""

from __future__ import annotations

import numpy as np

from espdl.ops.operator import Arrays, Constants, operator
from espdl.ops.recurrent import AnyRecurrentParams, Recurrent
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_steps import run


@operator("gru")
class Gru(Recurrent):
    """Rows of the weights: update, reset, hidden gate."""

    onnx = ("GRU",)
    limits = "constant weights, default activations without clip; else taken apart"
    layer = "espdl_gru"

    @staticmethod
    def reference(params: AnyRecurrentParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        return run(params, inputs, constants, _step)


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray]:
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
    return (new + a.product(a.sigmoid(update + of_update), a.unkept(h) - new),)
