# SPDX-License-Identifier: Apache-2.0
"""Parameters that the pooling kernels share."""

from __future__ import annotations

from collections.abc import Sequence


def window_params(
    image: Sequence[int],
    output_size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
) -> dict[str, int]:
    """The fields with which the parameter structs of pooling begin; `image` is (H, W, C), `pads` top and left first."""
    return {
        "input_height": image[0],
        "input_width": image[1],
        "channels": image[2],
        "output_height": output_size[0],
        "output_width": output_size[1],
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "dilation_height": dilations[0],
        "dilation_width": dilations[1],
        "input_pitch": image[2],
        "output_pitch": image[2],
        "pad_top": pads[0],
        "pad_left": pads[1],
    }
