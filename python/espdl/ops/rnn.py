# SPDX-License-Identifier: Apache-2.0
"""A forward simple recurrent layer (ONNX RNN; Elman, Finding Structure in Time, 1990): integers and floats."""

from __future__ import annotations

from functools import partial

import numpy as np

from espdl.ops.operator import Arrays, Constants, operator
from espdl.ops.recurrent import Recurrent, RecurrentF32Params, RecurrentStatesParams
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_steps import run
from espdl.plan.params import Params


class RnnParams(Params, c_type="espdl_rnn_params_t"):
    states: RecurrentStatesParams
    relu: int


class RnnF32Params(Params, c_type="espdl_rnn_f32_params_t"):
    states: RecurrentF32Params
    relu: int


@operator("rnn")
class Rnn(Recurrent):
    """One gate. With Relu nothing bounds the state: its integers are in a unit that its output's range gives."""

    onnx = ("RNN",)
    limits = "constant weights, Tanh or Relu without clip; else taken apart"
    layer = "espdl_rnn"

    @property
    def is_relu(self) -> bool:
        return self.activations == ("Relu",)

    @classmethod
    def steps(cls, params: RnnParams | RnnF32Params) -> int:
        """With Relu, every step adds what it rounds, at most two units of the state, to what those before rounded."""
        if isinstance(params, RnnF32Params) or not params.relu:
            return super().steps(params.states)
        layer = params.states.layer
        return 1 + int(2 * layer.steps * layer.output_multiplier * 2.0 ** -(31 + layer.output_shift))

    @staticmethod
    def reference(params: RnnParams | RnnF32Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        step = partial(_step, relu=bool(params.relu))
        return run(params.states, inputs, constants, step)


def _step(a: Arithmetic, x: np.ndarray, h: np.ndarray, relu: bool) -> tuple[np.ndarray]:
    """What one step gives; integers of Relu are saturated at 16 bits."""
    total = a.input_part(x) + a.state_part(h)
    if not relu:
        return (a.tanh(total),)
    positive = np.where(total < 0, np.zeros_like(total), total)
    return (positive if total.dtype == np.float32 else np.minimum(positive, 2**15 - 1),)
