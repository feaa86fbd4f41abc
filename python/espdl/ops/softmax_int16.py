# SPDX-License-Identifier: Apache-2.0
"""Softmax over the last axis of a 16-bit tensor (ONNX Softmax, quantised)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Params, operator
from espdl.ops.softmax import Softmax
from espdl.ops.wide import require_int16

OUTPUT_BITS = 15


@operator("softmax_int16")
@dataclass(frozen=True, eq=False)
class SoftmaxInt16(Softmax):
    """As Softmax, with int16 tensors of zero point 0; the output's scale is 2**-15.

    An exponential is the product of two out of tables of 256, for the high and the low byte of the distance to the
    largest value.
    """

    limits = "int16, last axis"

    @classmethod
    def from_match(cls, match: Match) -> SoftmaxInt16:
        require_int16(match)
        return super().from_match(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        x = inputs[0].astype(np.int64).reshape(params["rows"], params["length"])
        distance = x.max(axis=1, keepdims=True) - x
        coarse, fine = (constants[name].astype(np.int64) for name in ("coarse", "fine"))
        values = (coarse[distance >> 8] * fine[distance & 255]) >> 30
        total = values.sum(axis=1, keepdims=True)
        y = ((values << OUTPUT_BITS) + total // 2) // total
        return [np.minimum(y, 32767).astype(np.int16).reshape(inputs[0].shape)]
