# SPDX-License-Identifier: Apache-2.0
"""Windows that reach beyond the image on the ESP32-S3's vector unit: their taps outside are left out, and their sums
begin with what these would have added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from espdl.backends.layers import conv_shape, has_border
from espdl.ops.conv2d import Conv2d
from espdl.ops.numerics import Inexact
from espdl.ops.params import ConvShape


@dataclass(frozen=True)
class Border:
    """Which taps of an axis lie outside the image, at most: so many at its beginning, or so many at its end."""

    before: int
    after: int
    taps: int

    def inside(self) -> Iterator[np.ndarray]:
        """bool [taps] for each of the biases, in their order: all taps, then without the first, without the last."""
        places = np.arange(self.taps)
        yield places >= 0
        yield from (places >= count for count in range(1, self.before + 1))
        yield from (places < self.taps - count for count in range(1, self.after + 1))


def border(size: int, pad: int, stride: int, dilation: int, taps: int, windows: int) -> Border:
    """Of an axis of so many places and windows."""
    before = after = 0
    for start in np.arange(windows) * stride - pad:
        places = start + np.arange(taps) * dilation
        first, last = int((places < 0).sum()), int((places >= size).sum())
        if first + last >= taps:
            first, last = 0, taps
        if first and last:
            raise Inexact("its windows reach beyond the image on both sides")
        before, after = max(before, first), max(after, last)
    return Border(before, after, taps)


def borders(p: ConvShape, pixels: int) -> tuple[Border, Border]:
    """Of rows and columns; `pixels` neighbours are one window."""
    taps = p.kernel_width + (pixels - 1) * p.stride_width
    down = border(p.input_height, p.pad_top, p.stride_height, p.dilation_height, p.kernel_height, p.output_height)
    stride, windows = p.stride_width * pixels, p.output_width // pixels
    return down, border(p.input_width, p.pad_left, stride, p.dilation_width, taps, windows)


def of_layer(node: Conv2d, pixels: int) -> tuple[Border, Border]:
    """The same; none of a layer whose border adds nothing to its sums."""
    p = conv_shape(node)
    if has_border(node) and node.outside.any():
        return borders(p, pixels)
    return Border(0, 0, p.kernel_height), Border(0, 0, p.kernel_width + (pixels - 1) * p.stride_width)


def fields(down: Border, across: Border) -> dict[str, int]:
    """Those of the parameters."""
    values = (down.before, down.after, across.before, across.after)
    return dict(zip(("outside_top", "outside_bottom", "outside_left", "outside_right"), values, strict=True))


def has_kinds(p: Any) -> bool:
    """Whether windows with taps outside have biases of their own, as `fields` says."""
    return max(p.outside_top, p.outside_bottom, p.outside_left, p.outside_right) > 0


def beginnings_of(
    p: Any, weights: np.ndarray, begin: np.ndarray, outside: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`beginnings` of a call with these parameters."""
    down = Border(p.outside_top, p.outside_bottom, weights.shape[1])
    return beginnings(weights, begin, outside, down, Border(p.outside_left, p.outside_right, weights.shape[2]))


def beginnings(
    weights: np.ndarray, begin: np.ndarray, outside: np.ndarray, down: Border, across: Border
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(taps inside, bool [rows, columns]; int64 [channels]: what sums of them begin with), in the order of biases.

    `begin`: that of windows with all taps, [channels]; `outside`: the integers of a pixel of the border, [inputs].
    """
    if max(down.before, down.after, across.before, across.after) == 0:  # also depthwise, where inputs are no axis
        yield np.ones(weights.shape[1:3], bool), begin
        return
    sums = weights.astype(np.int64) @ outside.astype(np.int64)
    for rows in down.inside():
        for columns in across.inside():
            taps = rows[:, None] & columns
            yield taps, begin + (sums * ~taps).sum(axis=(1, 2))
