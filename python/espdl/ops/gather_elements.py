# SPDX-License-Identifier: Apache-2.0
"""An element of the input for every one of the output, at constant places (ONNX GatherElements, ReverseSequence)."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.operator import (
    Arrays,
    Constants,
    Match,
    Mismatch,
    Operator,
    PatternBuilder,
    operator,
    require_one_scale,
)  # fmt: skip
from espdl.plan.params import Params


class GatherElementsParams(Params, c_type="espdl_gather_elements_params_t"):
    count: int
    bytes: int


@operator("gather_elements")
class GatherElements(Operator):
    """Input and output have one scale. `places` int64, of the output's shape: which element of the input, counted in
    memory order."""

    places: np.ndarray

    onnx = ("GatherElements", "ReverseSequence")
    limits = "constant places"
    priority = 9
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        gathered = p.call("relax.gather_elements", p.dequantized("x"), p.constant("index"), label="gather")
        return p.quantized(gathered)

    @classmethod
    def from_match(cls, match: Match) -> GatherElements:
        x, index = match.tensor("x"), match.array("index")
        require_one_scale(x, *match.outputs)
        axis = match.attribute("gather", "axis") % len(x.shape)
        if index.min() < -x.shape[axis] or index.max() >= x.shape[axis]:
            raise Mismatch(f"an index lies outside of its axis of {x.shape[axis]}")
        coordinates = list(np.indices(index.shape))
        coordinates[axis] = index % x.shape[axis]
        places = np.asarray(np.ravel_multi_index(tuple(coordinates), x.shape))
        return cls(*match.ports, places)

    @staticmethod
    def reference(params: GatherElementsParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        (x,), begins = inputs, constants["begins"].astype(np.int64)
        data = np.ascontiguousarray(x).view(np.uint8).reshape(-1)
        taken = data[begins[:, np.newaxis] + np.arange(params.bytes)]
        return [taken.reshape(-1).view(x.dtype)]
