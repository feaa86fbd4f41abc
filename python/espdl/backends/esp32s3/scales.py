# SPDX-License-Identifier: Apache-2.0
"""Requantisation of scheme affine on the ESP32-S3's vector unit: constants that give TFLite's results, or none.

TFLite's output is a step function of a channel's sum, with at most 255 steps. So is what the vector unit computes
(port/esp32s3/src/requantise.h): the sum S less a constant, in pieces S = 2**low * H + L with low = bits - 8, gives

    ((H * factor + 256 * L * (factor >> bits) + offset) >> (2 * bits + shift + 8)), saturated to int8

in three stages of 16-bit factors, less a correction for sums below 0 where outputs have both signs: TFLite rounds
twice, the second time away from zero. Two such functions are the same where their steps are. `solve` finds every step
of the first, and a factor and an offset whose steps are the same; where there are none, the layer runs elsewhere.

Sums in lanes of 40 bits (port/esp32s3/src/words.h) have pieces of another size: low = bits, without the factor of 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.ops.numerics import Inexact, requantize
from espdl.plan.types import Constant
from espdl.targets import ROUND_TFLITE

# Bits of a sum below its multiples that are set aside in int8; more bits reach further.
CHOICES = (13, 14)
# The same in lanes of 40 bits: the more, the finer is the factor; the less, the larger it may be.
WORD_CHOICES = (15, 14, 13, 12, 11, 10, 9, 8)
# So that the sum 0 lies between two values of H.
OFFSET_UNIT = 2 ** (CHOICES[-1] - 8)
# Beyond, the products below would leave 64 bits here.
MAX_UNIT = 54
# Bits of factors to do without, one after the other.
COARSER = (0, 2, 4)
# Slopes to try around a ratio, in steps of 2**-27 of it.
_TRIES = 48


@dataclass(frozen=True)
class WantedOutputs:
    """What the outputs of a layer must be; int64 [channels] but for the numbers.

    `least`, `most`: the range of the sums with bias, zero points removed. `offsets`: S is such a sum less this, a
    multiple of OFFSET_UNIT.
    """

    multiplier: np.ndarray
    shift: np.ndarray
    least: np.ndarray
    most: np.ndarray
    offsets: np.ndarray
    zero_point: int
    low: int
    high: int

    @property
    def is_signed(self) -> bool:
        """Whether sums below zero give outputs of their own."""
        return self.low < self.zero_point

    def output(self, sums: np.ndarray) -> np.ndarray:
        """int64 [channels, ...] of sums of that shape."""
        fit = (slice(None), *(np.newaxis,) * (sums.ndim - 1))
        scaled = requantize(sums, self.multiplier[fit], self.shift[fit], ROUND_TFLITE)
        return np.clip(scaled + self.zero_point, self.low, self.high)


@dataclass(frozen=True)
class VectorScales:
    """Constants of one layer; int64 [channels] but for the numbers.

    `coarse` counts in 2**coarse_bits of the last stage, `fine` in 2**fine_bits of the one before. `negative`: what is
    taken off in the last stage where H is below `edge`.
    """

    bits: int
    low: int
    shift: int
    factor: np.ndarray
    coarse_bits: int
    fine_bits: int
    coarse: np.ndarray
    fine: np.ndarray
    negative: np.ndarray
    edge: np.ndarray

    def apply(self, sums: np.ndarray) -> np.ndarray:
        """What the vector unit makes of S [channels, ...]: int64 before the activation clamps, saturated to int8."""
        fit = (slice(None), *(np.newaxis,) * (sums.ndim - 1))
        factor = self.factor[fit]
        high, middle, low = factor >> 2 * self.bits, factor >> self.bits & self._mask, factor & self._mask
        top, rest = sums >> self.low, (sums & (1 << self.low) - 1) << self.bits - self.low
        total = (rest * middle + top * low) >> self.bits
        total = (total + (self.fine[fit] << self.fine_bits) + top * middle + rest * high) >> self.bits
        total = (
            total + top * high + (self.coarse[fit] << self.coarse_bits) - self.negative[fit] * (top < self.edge[fit])
        )
        return np.clip(total >> self.shift, -(2**15), 2**15 - 1) >> 8

    def constants(self) -> tuple[Constant, ...]:
        """Those of the channels, as packing takes them."""
        names = ("factor", "coarse", "fine", "negative", "edge")
        return tuple(Constant(name, getattr(self, name)) for name in names)

    @property
    def _mask(self) -> int:
        return (1 << self.bits) - 1


def solve(wanted: WantedOutputs, in_parts: bool) -> VectorScales:
    """Constants with which the vector unit gives every output that is wanted; Inexact where there are none."""
    steps = _Steps(wanted)
    reach = np.abs(np.where(steps.inside, steps.at, 0)).max(initial=0)
    for bits in CHOICES:
        # Multiples of 2**bits saturate as int8 where sums are in parts; in one part they fit.
        if not in_parts or reach <= 127 << bits:
            return _solve_somehow(wanted, steps, bits, bits - 8)
    raise Inexact(f"a sum of {reach} still matters to its outputs, which the vector unit's pieces do not hold")


def solve_words(wanted: WantedOutputs) -> VectorScales:
    """The same of sums in lanes of 40 bits, whose multiples of 2**bits saturate as int16."""
    steps = _Steps(wanted)
    reach = np.abs(np.where(steps.inside, steps.at, 0)).max(initial=0)
    refused = Inexact(f"a sum of {reach} still matters to its outputs, which the vector unit's pieces do not hold")
    for bits in WORD_CHOICES:
        if reach < (2**15 - 1) << bits:
            try:
                return _solve_somehow(wanted, steps, bits, bits)
            except Inexact as inexact:
                refused = inexact
    raise refused


def _solve_somehow(wanted: WantedOutputs, steps: _Steps, bits: int, low: int) -> VectorScales:
    """With the finest factors, or with coarser ones, which leave offsets more room."""
    refused = Inexact("no constants of the vector unit's requantisation give exactly its outputs")
    for coarser in COARSER:
        try:
            found = _solve(wanted, steps, (bits, low), coarser)
            _prove(found, wanted, steps)
            return found
        except Inexact as inexact:
            refused = inexact
    raise refused


class _Steps:
    """Where outputs change: [channels, steps], S from `at` on has an output of at least `value`."""

    def __init__(self, wanted: WantedOutputs):
        self.value = np.arange(wanted.low + 1, wanted.high + 1, dtype=np.int64)
        shape = (len(wanted.multiplier), len(self.value))
        below, above = (np.broadcast_to(v[:, None], shape).copy() for v in (wanted.least, wanted.most + 1))
        while (below < above).any():
            middle = (below + above) // 2
            reached = wanted.output(middle) >= self.value
            is_open = below < above
            above = np.where(is_open & reached, middle, above)
            below = np.where(is_open & ~reached, middle + 1, below)
        self.inside = (below > wanted.least[:, None]) & (below <= wanted.most[:, None])
        self.at = below - wanted.offsets[:, None]
        self.is_constant = ~self.inside.any(axis=1)


def _solve(wanted: WantedOutputs, steps: _Steps, pieces: tuple[int, int], coarser: int) -> VectorScales:
    bits, low = pieces
    ratio = wanted.multiplier * 2.0 ** -(31.0 + wanted.shift)
    live = ~steps.is_constant
    largest = float(ratio[live].max(initial=2.0**-13))
    room = (2**15 - 1) * 2.0 ** (2 * bits - low)
    unit = min(int(np.floor(np.log2(room / largest))), MAX_UNIT) - coarser
    shift = unit - 8 - 2 * bits
    if shift < 0:
        raise Inexact(f"a scale ratio of {largest} is too large for the vector unit's requantisation")
    negative = np.zeros_like(wanted.multiplier)
    if wanted.is_signed:
        places = shift + 8 - wanted.shift
        if (places[live] < 0).any() or (places[live] > 14).any():
            raise Inexact("the scales of its channels lie too far apart for the vector unit's requantisation")
        negative = np.where(live & (wanted.shift > 0), np.int64(1) << np.clip(places, 0, 14), 0)
    factor = np.where(live, np.rint(np.where(live, ratio, 0) * 2.0 ** (unit + low)), 0).astype(np.int64)
    middle = wanted.output(wanted.least)
    first, last = (middle << unit) + (1 << unit - 2), (middle << unit) + (3 << unit - 2)
    for channel in map(int, np.flatnonzero(live)):
        correction = int(negative[channel]) << 2 * bits, -int(wanted.offsets[channel])
        factor[channel], first[channel], last[channel] = _fit(
            steps, channel, int(factor[channel]), correction, pieces, unit
        )
    return _with_offsets(pieces, shift, factor, negative, -wanted.offsets >> low, first, last)


def _fit(
    steps: _Steps, channel: int, factor: int, correction: tuple[int, int], pieces: tuple[int, int], unit: int
) -> tuple[int, int, int]:
    """(factor, first, last): a slope, and the offsets from `first` to `last` with which all steps are right.

    `correction`: what is taken off, below which sum.
    """
    inside = steps.inside[channel]
    at, value = steps.at[channel][inside], steps.value[inside]
    factors = factor + np.arange(-_TRIES, _TRIES + 1) * max(1, factor >> 27)
    factors = factors[factors >= 0][:, None]

    def product(sums: np.ndarray) -> np.ndarray:
        bits, low = pieces
        products = (sums >> low) * factors + ((sums & (1 << low) - 1) << bits - low) * (factors >> bits)
        return products - correction[0] * (sums < correction[1])

    first = ((value << unit) - product(at)).max(axis=1)
    last = ((value << unit) - 1 - product(at - 1)).min(axis=1)
    best = int(np.argmax(last - first))
    if last[best] < first[best]:
        raise Inexact("no constants of the vector unit's requantisation give exactly its outputs")
    return int(factors[best, 0]), int(first[best]), int(last[best])


def _with_offsets(
    pieces: tuple[int, int],
    shift: int,
    factor: np.ndarray,
    negative: np.ndarray,
    edge: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
) -> VectorScales:
    """Offsets between `first` and `last` as two numbers of 16 bits."""
    bits, low = pieces
    centre = (first + last) // 2
    largest = int(np.abs(centre).max(initial=0)) >> 2 * bits
    coarse_bits = max(0, largest.bit_length() - 15)
    if np.abs(_nearest(centre, coarse_bits + 2 * bits)).max(initial=0) >= 2**15:
        coarse_bits += 1
    fine_bits = max(0, coarse_bits + bits - 16)
    if max(coarse_bits, fine_bits) > 14:
        raise Inexact("an offset does not fit the vector unit's requantisation")
    coarse = _nearest(centre, coarse_bits + 2 * bits)
    fine = _nearest(centre - (coarse << coarse_bits + 2 * bits), fine_bits + bits).clip(-(2**15), 2**15 - 1)
    return VectorScales(bits, low, shift, factor, coarse_bits, fine_bits, coarse, fine, negative, edge)


def _nearest(value: np.ndarray, bits: int) -> np.ndarray:
    return (value + (np.int64(1) << bits >> 1)) >> bits


def _prove(scales: VectorScales, wanted: WantedOutputs, steps: _Steps) -> None:
    """Raises Inexact where some output is another than the wanted one; both functions are monotone."""
    ends = np.stack([wanted.least, wanted.most], axis=1) - wanted.offsets[:, None]
    edges = np.concatenate([steps.at, steps.at - 1, ends], axis=1)
    edges = np.clip(edges, ends[:, :1], ends[:, 1:])
    given = np.clip(scales.apply(edges), wanted.low, wanted.high)
    if (given != wanted.output(edges + wanted.offsets[:, None])).any():
        raise Inexact("no constants of the vector unit's requantisation give exactly its outputs")
