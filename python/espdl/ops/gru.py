# SPDX-License-Identifier: Apache-2.0
"""A forward GRU with 16-bit states (ONNX GRU; Cho et al., Learning Phrase Representations, 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.ops.operator import PatternBuilder, operator
from espdl.ops.recurrent import Arithmetic, Recurrent


@operator("gru")
@dataclass(frozen=True, eq=False)
class Gru(Recurrent):
    """Rows of the weights: update, reset, hidden gate. The reset gate scales the product (linear_before_reset)."""

    onnx = ("GRU",)
    limits = (
        "batch 1, up to 511 hidden values, default activations, linear_before_reset, no initial state; else taken apart"
    )
    priority = 10

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        arguments = (p.dequantized("x"), p.constant("weights"), p.constant("recurrence"), p.constant("bias"))
        return p.quantized(p.packed("espdl_gru", *arguments))

    @staticmethod
    def reference(
        params: Mapping[str, Any], inputs: Sequence[np.ndarray], constants: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        a = Arithmetic(params, constants)
        h = np.zeros(params["hidden"], np.int64)
        results = []
        for x in inputs[0].reshape(params["steps"], params["inputs"]):
            update, reset, new = np.split(a.input_part(x), 3)
            state_update, state_reset, state_new = np.split(a.state_part(h), 3)
            new = a.tanh(new + a.product(a.sigmoid(reset + state_reset), state_new))
            h = new + a.product(a.sigmoid(update + state_update), h - new)
            results.append(a.output(h))
        return [np.stack(results)]
