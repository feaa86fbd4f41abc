# SPDX-License-Identifier: Apache-2.0
"""A convolution that reads its input channels first, as the model has it: no permutation in front of it."""

from __future__ import annotations

import numpy as np

from espdl.ops.conv2d import Conv2d, Conv2dParams
from espdl.ops.operator import Arrays, Constants, Placed, operator


@operator("conv2d_planar")
class Conv2dPlanar(Placed):
    """`conv` of the input [1, C, H, W] with its axes in the order [1, H, W, C].

    `espdl.graph.fuse_pad_and_transpose` makes it of a convolution and the permutation in front of it.
    """

    conv: Conv2d

    @property
    def activation(self) -> tuple[float, float] | None:
        return self.conv.activation

    @staticmethod
    def reference(params: Conv2dParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        shape = (params.input_channels, params.input_height, params.input_width)
        return Conv2d.reference(params, [inputs[0].reshape(shape).transpose(1, 2, 0)], constants)
