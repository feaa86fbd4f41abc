# SPDX-License-Identifier: Apache-2.0
"""Another order of axes (ONNX Transpose)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.ops.operator import Arrays, Constants, Match, Operator, PatternBuilder, operator
from espdl.plan.params import Params


class TransposeParams(Params, c_type="espdl_transpose_params_t"):
    item_bytes: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@operator("transpose")
class Transpose(Operator):
    """Output axis i is input axis `axes[i]`; any item type."""

    axes: tuple[int, ...]

    onnx = ("Transpose",)
    limits = "up to 6 axes"
    keeps_scale = True
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.call("relax.permute_dims", p.wildcard("x"), label="permute")

    @classmethod
    def from_match(cls, match: Match) -> Transpose:
        rank = len(match.tensor("x").shape)
        axes = match.attribute("permute", "axes")
        return cls(*match.ports, axes=tuple(range(rank))[::-1] if axes is None else tuple(a % rank for a in axes))

    @staticmethod
    def reference(params: TransposeParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        x = np.ascontiguousarray(inputs[0])
        strides = [s * x.itemsize for s in params.strides]
        return [as_strided(x, params.shape, strides).copy()]
