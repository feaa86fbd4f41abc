# SPDX-License-Identifier: Apache-2.0
"""Sums of scheme affine on the ESP32-S3's vector unit: what they begin with, and in which parts they fit its lanes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from espdl.backends.accumulators import ends_on_the_way
from espdl.backends.esp32s3.lanes import LANE_MAX, LANE_MIN, MAX_VECTORS, fewest_parts
from espdl.ops.numerics import Inexact
from espdl.ops.params import ConvShape

# ESPDL_S3_MOST_AFFINE_PARTS.
MAX_PARTS = 16


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


@dataclass(frozen=True)
class Sums:
    """Of a layer; `weights` with neighbours joined [channels, rows, columns, inputs], `bias`: int64 [channels]."""

    weights: np.ndarray
    bias: np.ndarray
    range: tuple[int, int]
    zero_point: int
    dilated: bool
    down: Border
    across: Border

    def beginnings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(taps inside, bool [rows, columns]; int64 [channels]: what sums of them begin with), as biases lie."""
        sums = self.weights.astype(np.int64).sum(axis=3)
        for rows in self.down.inside():
            for columns in self.across.inside():
                taps = rows[:, None] & columns
                yield taps, self.bias - self.zero_point * (sums * taps).sum(axis=(1, 2))

    def begin(self) -> np.ndarray:
        """int64 [channels]: what sums begin with where all taps lie in the image."""
        return next(begin for _, begin in self.beginnings())

    def part_lengths(self, offsets: np.ndarray, bits: int) -> np.ndarray:
        """uint8 [channels, MAX_PARTS]: the vectors of all parts but the last of a group's sums, then 0.

        Multiples of 2**bits of a part are set aside; the next begins with the rest. Inexact where no split helps.
        """
        windows = list(self._windows(offsets))
        row = -(-math.prod(self.weights.shape[2 + self.dilated :]) // 16)
        lengths = np.zeros((len(self.weights), MAX_PARTS), np.uint8)
        for first in range(0, len(lengths), 16):
            group = slice(first, first + 16)
            found = fewest_parts(partial(_longest, windows, group, bits), row, MAX_PARTS)
            lengths[group, : len(found)] = found
        return lengths

    def _windows(self, offsets: np.ndarray) -> Iterator[_Window]:
        for taps, begin in self.beginnings():
            inside, used = self.weights * taps[:, :, None], taps[:, :, None].repeat(self.weights.shape[3], axis=2)[None]
            least, most = ends_on_the_way(self._vectors(inside), *self.range)
            yield _Window(begin - offsets, least, most, self._vectors(used)[0].any(axis=1))

    def _vectors(self, values: np.ndarray) -> np.ndarray:
        """[channels, vectors, 16] of [channels, rows, columns, inputs], as segments lie in memory; rows filled up."""
        rows = values.swapaxes(1, 2).reshape(len(values), -1, values.shape[3]) if self.dilated else values
        rows = rows.reshape(*rows.shape[:2], -1)
        return np.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[2] % 16))).reshape(len(rows), -1, 16)


@dataclass(frozen=True)
class _Window:
    """With some taps inside: what its sums begin with [channels], what vectors add at least and most [channels,
    vectors], which vectors it has [vectors]."""

    begin: np.ndarray
    least: np.ndarray
    most: np.ndarray
    used: np.ndarray


def _longest(windows: Sequence[_Window], group: slice, bits: int, begin: int) -> list[int]:
    """Where parts of a group end, each as long as its sums fit in all windows, from the vector `begin` on."""
    ends: list[int] = []
    count = windows[0].used.size
    while True:
        fitting = count - begin
        for w in windows:
            is_rest = w.used[:begin].any()
            top, bottom = ((1 << bits) - 1, 0) if is_rest else (w.begin[group, None], w.begin[group, None])
            high = top + np.cumsum(w.most[group, begin:], axis=1)
            low = bottom + np.cumsum(w.least[group, begin:], axis=1)
            leaves = ((high > LANE_MAX) | (low < LANE_MIN)).any(axis=0)
            fitting = min(fitting, int(leaves.argmax()) if leaves.any() else fitting)
        begin += min(fitting, MAX_VECTORS)
        if begin == count:
            return ends
        if fitting == 0:
            raise Inexact("some sum may leave the 20 bits of a lane, in parts too")
        ends.append(begin)
