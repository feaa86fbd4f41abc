# SPDX-License-Identifier: Apache-2.0
"""2-d max pooling of 16-bit tensors (ONNX MaxPool, quantised)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Arrays, Constants, Match, Params, operator
from espdl.ops.wide import LARGEST, require_int16
from espdl.ops.windows import taps


@operator("max_pool2d_int16")
@dataclass(frozen=True, eq=False)
class MaxPool2dInt16(MaxPool2d):
    """As MaxPool2d, with int16 tensors of zero point 0."""

    limits = "int16, one scale for input and output"

    @classmethod
    def from_match(cls, match: Match) -> MaxPool2dInt16:
        require_int16(match)
        return super().from_match(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].reshape(p["input_height"], p["input_width"], p["channels"])
        y = np.maximum.reduce(list(taps(x, p, border=-LARGEST)))
        return [np.clip(y, p["activation_min"], p["activation_max"]).astype(np.int16)[np.newaxis]]
