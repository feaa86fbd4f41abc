# SPDX-License-Identifier: Apache-2.0
"""Windows that slide over the two spatial axes: shared by the pooling operators and their references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from espdl.ops.operator import Match, Mismatch


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


def taps(x: np.ndarray, p: Mapping[str, Any], border: int) -> Iterator[np.ndarray]:
    """For each tap of the kernel, its value in all windows: [OH, OW, C] of `x` [H, W, C], `border` outside."""
    height, width = p["output_height"], p["output_width"]
    reach_y = (height - 1) * p["stride_height"] + (p["kernel_height"] - 1) * p["dilation_height"] + 1
    reach_x = (width - 1) * p["stride_width"] + (p["kernel_width"] - 1) * p["dilation_width"] + 1
    below = max(0, reach_y - p["pad_top"] - x.shape[0])
    right = max(0, reach_x - p["pad_left"] - x.shape[1])
    padded = np.pad(x, ((p["pad_top"], below), (p["pad_left"], right), (0, 0)), constant_values=border)
    for ky in range(p["kernel_height"]):
        for kx in range(p["kernel_width"]):
            top, left = ky * p["dilation_height"], kx * p["dilation_width"]
            rows = slice(top, top + (height - 1) * p["stride_height"] + 1, p["stride_height"])
            columns = slice(left, left + (width - 1) * p["stride_width"] + 1, p["stride_width"])
            yield padded[rows, columns]


def tap_counts(p: Mapping[str, Any], include_pad: bool) -> np.ndarray:
    """int64 [OH, OW]: how many taps of each window lie in the input, or with `include_pad` in the input and its border.

    Taps beyond the border, which ONNX's ceil_mode can reach, never count.
    """

    def along(axis: str, start: str, end: str) -> np.ndarray:
        low = -p[f"pad_{start}"] if include_pad else 0
        high = p[f"input_{axis}"] + (p[f"pad_{end}"] if include_pad else 0)
        first = np.arange(p[f"output_{axis}"]) * p[f"stride_{axis}"] - p[f"pad_{start}"]
        places = first[:, None] + np.arange(p[f"kernel_{axis}"]) * p[f"dilation_{axis}"]
        return ((places >= low) & (places < high)).sum(axis=1)

    return np.outer(along("height", "top", "bottom"), along("width", "left", "right"))
