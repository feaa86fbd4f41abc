# SPDX-License-Identifier: Apache-2.0
"""Linear interpolation of an image (ONNX Resize, mode linear, quantised)."""

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
)
from espdl.plan.params import Params

WEIGHT_BITS = 11


class ResizeLinearParams(Params, c_type="espdl_resize_linear_params_t"):
    input_height: int
    input_width: int
    output_height: int
    output_width: int
    channels: int
    output_pitch: int
    first_row: int
    first_input_row: int


@operator("resize_linear")
class ResizeLinear(Operator):
    """Input NHWC [1, H, W, C], output NHWC [1, OH, OW, C] with the same scale; `coordinates` is ONNX's mode."""

    coordinates: str

    onnx = ("Resize", "Upsample")
    limits = "linear: one image, whole ratio of the sizes, without antialiasing"
    priority = 10
    keeps_values = True

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return p.quantized(p.call("relax.image.resize2d", p.dequantized("x"), p.wildcard(), label="resize"))

    @classmethod
    def from_match(cls, match: Match) -> ResizeLinear:
        x, (y,) = match.tensor("x"), match.outputs
        if match.attribute("resize", "layout") != "NHWC" or x.shape[0] != 1:
            raise Mismatch("it is not the resizing of one image")
        if match.attribute("resize", "method") != "linear":
            raise Mismatch(f"its method is {match.attribute('resize', 'method')}, not linear")
        mode = match.attribute("resize", "coordinate_transformation_mode")
        if mode not in _COORDINATES:
            raise Mismatch(f"its coordinates are {mode}")
        require_one_scale(x, y)
        inputs = tuple(t for t in match.inputs if t.name == x.name)
        return cls(inputs, match.outputs, match.source_nodes, mode)

    def places(self, axis: int) -> np.ndarray:
        """int32 [output size, 3] for a spatial axis (0 or 1): two indices, weight of the second in 1/2048."""
        size, wanted = self.inputs[0].shape[1 + axis], self.outputs[0].shape[1 + axis]
        real = np.clip(_COORDINATES[self.coordinates](np.arange(wanted, dtype=np.float64), size, wanted), 0, size - 1)
        low = np.floor(real).astype(np.int32)
        weight = np.rint((real - low) * 2**WEIGHT_BITS).astype(np.int32)
        return np.stack([low, np.minimum(low + 1, size - 1), weight], axis=1)

    @staticmethod
    def reference(params: ResizeLinearParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p = params
        x = inputs[0].astype(np.int64).reshape(p.input_height, p.input_width, p.channels)
        one = 1 << WEIGHT_BITS
        left, right, across = constants["columns"].astype(np.int64).T
        wide = x[:, left] * (one - across)[:, np.newaxis] + x[:, right] * across[:, np.newaxis]
        top, bottom, down = constants["rows"].astype(np.int64).T
        down = down[:, np.newaxis, np.newaxis]
        y = wide[top] * (one - down) + wide[bottom] * down
        return [((y + (1 << (2 * WEIGHT_BITS - 1))) >> (2 * WEIGHT_BITS)).astype(np.int8)]


# ONNX coordinate_transformation_mode: place in the output, size of the input, size of the output -> place in the input.
_COORDINATES = {
    "half_pixel": lambda o, size, wanted: (o + 0.5) * size / wanted - 0.5,
    "pytorch_half_pixel": lambda o, size, wanted: (o + 0.5) * size / wanted - 0.5 if wanted > 1 else o * 0.0,
    "asymmetric": lambda o, size, wanted: o * size / wanted,
    "align_corners": lambda o, size, wanted: o * (size - 1) / max(wanted - 1, 1),
}
