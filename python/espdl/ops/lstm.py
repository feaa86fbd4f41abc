# SPDX-License-Identifier: Apache-2.0
"""A forward LSTM with 16-bit states (ONNX LSTM; Hochreiter and Schmidhuber, Long Short-Term Memory, 1997)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import PatternBuilder, operator
from espdl.ops.recurrent import STATE_BITS, SUM_BITS, Arithmetic, Recurrent


@operator("lstm")
@dataclass(frozen=True, eq=False)
class Lstm(Recurrent):
    """Rows of the weights: input, output, forget, cell gate."""

    onnx = ("LSTM",)
    limits = "batch 1, up to 511 hidden values, default activations, no initial state; else taken apart"
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        arguments = (p.dequantized("x"), p.constant("weights"), p.constant("recurrence"), p.constant("bias"))
        return p.quantized(p.packed("espdl_lstm", *arguments))

    @staticmethod
    def reference(
        params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        a = Arithmetic(params, constants)
        h = c = np.zeros(params["hidden"], np.int64)
        results = []
        for x in inputs[0].reshape(params["steps"], params["inputs"]):
            enter, leave, forget, update = np.split(a.input_part(x) + a.state_part(h), 4)
            c = a.product(a.sigmoid(forget), c) + a.product(a.sigmoid(enter), a.tanh(update))
            h = a.product(a.sigmoid(leave), a.tanh(c >> (STATE_BITS - SUM_BITS)))
            results.append(a.output(h))
        return [np.stack(results)]
