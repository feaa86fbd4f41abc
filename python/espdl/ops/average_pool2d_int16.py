# SPDX-License-Identifier: Apache-2.0
"""2-d average pooling of 16-bit tensors (ONNX AveragePool, GlobalAveragePool, ReduceMean over pixels)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.numerics import scale_wide
from espdl.ops.operator import Arrays, Constants, Match, Params, operator
from espdl.ops.wide import require_int16
from espdl.ops.windows import tap_counts, taps


@operator("average_pool2d_int16")
@dataclass(frozen=True, eq=False)
class AveragePool2dInt16(AveragePool2d):
    """As AveragePool2d, with int16 tensors of zero point 0."""

    limits = "int16"

    @classmethod
    def from_match(cls, match: Match) -> AveragePool2dInt16:
        require_int16(match)
        return super().from_match(match)

    @staticmethod
    def reference(params: Params, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p["input_height"], p["input_width"], p["channels"])
        total = sum(taps(x, p, border=0))
        entries = tap_counts(p, bool(p["count_include_pad"])) - 1
        if p["uniform"]:
            entries = np.zeros_like(entries)
        multiplier, shift = (constants[name][entries][..., np.newaxis] for name in ("multiplier", "shift"))
        y = np.clip(scale_wide(total, multiplier, shift), p["activation_min"], p["activation_max"])
        return [y.astype(np.int16)[np.newaxis]]
