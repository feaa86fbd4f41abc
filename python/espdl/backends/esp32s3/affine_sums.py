# SPDX-License-Identifier: Apache-2.0
"""Sums of scheme affine on the ESP32-S3's vector unit: what they begin with, and in which parts they fit its lanes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from espdl.backends.accumulators import ends_on_the_way
from espdl.backends.esp32s3.borders import Border, beginnings
from espdl.backends.esp32s3.lanes import LANE_MAX, LANE_MIN, MAX_VECTORS, fewest_parts
from espdl.ops.numerics import Inexact

# ESPDL_S3_MOST_AFFINE_PARTS.
MAX_PARTS = 16


@dataclass(frozen=True)
class Sums:
    """Of a layer; `weights` with neighbours joined [channels, rows, columns, inputs], `bias`: int64 [channels];
    `border`: the integers of a pixel of the border where they are not the zero point."""

    weights: np.ndarray
    bias: np.ndarray
    range: tuple[int, int]
    zero_point: int
    dilated: bool
    down: Border
    across: Border
    border: np.ndarray | None = None

    def beginnings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(taps inside, bool [rows, columns]; int64 [channels]: what sums of them begin with), as biases lie."""
        begin = self.bias - self.zero_point * self.weights.astype(np.int64).sum(axis=(1, 2, 3))
        plain = np.full(self.weights.shape[3], self.zero_point)
        yield from beginnings(
            self.weights, begin, plain if self.border is None else self.border, self.down, self.across
        )

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
