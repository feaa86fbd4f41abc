# SPDX-License-Identifier: Apache-2.0
"""Windows that slide over the two spatial axes: shared by the pooling operators and their references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from espdl.ops.operator import Match, Mismatch
from espdl.ops.params import PaddedPoolShape, PoolShape


def window_attributes(match: Match, label: str) -> dict[str, Any]:
    """Kernel, strides, pads (top, left, bottom, right) and dilations of a matched pooling call; NHWC."""
    if match.attribute(label, "layout") != "NHWC":
        raise Mismatch("it does not pool over two spatial axes")
    return {
        "kernel": match.attribute(label, "pool_size"),
        "strides": match.attribute(label, "strides"),
        "pads": match.attribute(label, "padding"),
        "dilations": match.attribute(label, "dilation"),
    }


def taps(x: np.ndarray, p: PoolShape, border: int) -> Iterator[np.ndarray]:
    """For each tap of the kernel, its value in all windows: [OH, OW, C] of `x` [H, W, C], `border` outside."""
    height, width = p.output_height, p.output_width
    reach_y = (height - 1) * p.stride_height + (p.kernel_height - 1) * p.dilation_height + 1
    reach_x = (width - 1) * p.stride_width + (p.kernel_width - 1) * p.dilation_width + 1
    below = max(0, reach_y - p.pad_top - x.shape[0])
    right = max(0, reach_x - p.pad_left - x.shape[1])
    padded = np.pad(x, ((p.pad_top, below), (p.pad_left, right), (0, 0)), constant_values=border)
    for ky in range(p.kernel_height):
        for kx in range(p.kernel_width):
            top, left = ky * p.dilation_height, kx * p.dilation_width
            rows = slice(top, top + (height - 1) * p.stride_height + 1, p.stride_height)
            columns = slice(left, left + (width - 1) * p.stride_width + 1, p.stride_width)
            yield padded[rows, columns]


def tap_counts(p: PaddedPoolShape, include_pad: bool) -> np.ndarray:
    """int64 [OH, OW]: how many taps of each window lie in the input, or with `include_pad` in the input and its border.

    Taps beyond the border, which ONNX's ceil_mode can reach, never count.
    """

    def along(firsts: np.ndarray, steps: np.ndarray, size: int, before: int, behind: int) -> np.ndarray:
        low, high = (-before, size + behind) if include_pad else (0, size)
        places = firsts[:, None] - before + steps
        return ((places >= low) & (places < high)).sum(axis=1)

    rows, columns = np.arange(p.output_height) * p.stride_height, np.arange(p.output_width) * p.stride_width
    down, across = np.arange(p.kernel_height) * p.dilation_height, np.arange(p.kernel_width) * p.dilation_width
    return np.outer(
        along(rows, down, p.input_height, p.pad_top, p.pad_bottom),
        along(columns, across, p.input_width, p.pad_left, p.pad_right),
    )
