# SPDX-License-Identifier: Apache-2.0
"""The vector unit's sums: lanes of 20 bits that saturate after every product, and what proves that none ever does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from espdl.backends.accumulators import ends_on_the_way, range_of
from espdl.backends.layers import scale_ratios
from espdl.backends.lowering import Declined, portable
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact, power_of_two_shift
from espdl.ops.operator import Operator
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import ROUND_HALF_UP, Target

LANE_MIN, LANE_MAX = -(2**19), 2**19 - 1
OTHER_ROUNDING = "the vector unit requantises by shifts rounded half up, which the scheme power_of_two has"
# A larger shift would leave nothing of 20 bits.
MAX_SHIFT = 19
# Of the packed biases of 16 channels.
BIAS_BYTES = 48
# Sums in parts: at most so many, of so many vectors; what is set aside of a part has LANE_BITS less the output's.
MAX_PARTS, MAX_VECTORS, LANE_BITS = 8, 255, 20
# Of pie_segment_t of port/esp32s3/src/pie_parts.h.
SEGMENT_BYTES = 20


def portable_in_shifts(node: Operator, target: Target) -> KernelCall | Declined:
    """The portable kernel's call, in the one rounding that the vector unit has."""
    return portable(node, target) if target.rounding == ROUND_HALF_UP else Declined(OTHER_ROUNDING)


def common_shift(x: Tensor, weights_scale: np.ndarray, y: Tensor, target: Target) -> int:
    """The one right shift that requantises all channels; Inexact with the reason where there is none."""
    if target.rounding != ROUND_HALF_UP:
        raise Inexact(OTHER_ROUNDING)
    shifts = {power_of_two_shift(float(ratio)) for ratio in np.unique(scale_ratios(x, weights_scale, y))}
    if len(shifts) != 1:
        raise Inexact(f"its channels need {len(shifts)} different shifts; the vector unit has one for all")
    (shift,) = shifts
    if shift > MAX_SHIFT:
        raise Inexact(f"it needs a shift of {shift}; the vector unit's sums have 20 bits")
    return shift


def lane_biases(
    weights: np.ndarray, bias: np.ndarray, input_zero_point: int, output_zero_point: int, shift: int
) -> np.ndarray:
    """int64 [channels]: what a sum of w * q begins with, so that a shift rounded down gives the output.

    `weights` are [channels, ...]; the zero points and half a unit of the output are in it.
    """
    taps = weights.astype(np.int64).reshape(len(weights), -1).sum(axis=1)
    half = (1 << shift) >> 1
    return bias.astype(np.int64) - input_zero_point * taps + (output_zero_point << shift) + half


def fits(node: Conv2d | Gemm, shift: int) -> bool:
    """Whether no sum can leave the lanes, in whatever order, with whatever taps in the border: what these add is part
    of what sums begin with, and as any integer could."""
    (x,), (y,) = node.inputs, node.outputs
    biases = lane_biases(node.weights, node.bias, x.zero_point, y.zero_point, shift)
    least, most = ends_on_the_way(node.weights.reshape(len(node.weights), -1), *range_of(x))
    return (biases + most).max() <= LANE_MAX and (biases + least).min() >= LANE_MIN


def part_lengths(
    node: Conv2d | Gemm, shift: int, windows: Callable[[np.ndarray], Iterable[np.ndarray]] = lambda begin: (begin,)
) -> np.ndarray:
    """uint8 [channels, MAX_PARTS]: into which parts the sums of a channel's group must be split to stay in the lanes.

    `windows`: of what sums of all taps begin with, what those of all kinds of windows do.

    They are the vectors of all parts but the last, then 0. Inexact where no split helps.

    Vectors are those of `weights`' rows (with a dilation: of its taps), each of which begins with a new one.
    Multiples of 2**part_bits() of a part are set aside; the next part begins with the rest.
    """
    (x,), (y,) = node.inputs, node.outputs
    biases = lane_biases(node.weights, node.bias, x.zero_point, y.zero_point, shift)
    least, most = (_of_groups(ends) for ends in ends_on_the_way(_vectors(node), *range_of(x)))
    begins = np.stack(list(windows(biases)), axis=1)
    starts = _of_groups(np.stack([begins.min(axis=1), begins.max(axis=1)], axis=1))
    lengths = np.zeros((len(starts), MAX_PARTS), np.uint8)
    row = -(-_rows(node).shape[2] // 16)
    for group, of_group in enumerate(zip(starts, least, most, strict=True)):
        found = _parts(*of_group, row, shift)
        lengths[group, : len(found)] = found
    return lengths.repeat(16, axis=0)[: len(node.weights)]


def whole_sums(node: Conv2d | Gemm) -> np.ndarray:
    """The same where no sum is split."""
    return np.zeros((len(node.weights), MAX_PARTS), np.uint8)


def part_constants(lengths: np.ndarray) -> tuple[Constant, ...]:
    """What the packed biases need to know of parts."""
    return (Constant("parts", lengths),) if lengths.any() else ()


def lengths_of(call: KernelCall) -> np.ndarray | None:
    """What `part_constants` made of the call's parts."""
    return next((c.data for c in call.constants if c.name == "parts"), None)


def count_parts(lengths: np.ndarray) -> int:
    """The most parts that a group's sums have."""
    return 1 + int(np.count_nonzero(lengths, axis=1).max())


def mean_parts(lengths: np.ndarray) -> float:
    """How many parts the sums of a group have in the mean."""
    return 1 + float(np.count_nonzero(lengths[::16], axis=1).mean())


def listed_bytes(segments: int) -> int:
    """Of scratch, where the segments of a window are listed."""
    return -(-SEGMENT_BYTES * segments // 16) * 16


def part_bits(shift: int) -> int:
    """What is set aside are multiples of 2 to this: a factor of int8 brings them to the output's unit."""
    return max(shift, min(12, shift + 6))


def _rows(node: Conv2d | Gemm) -> np.ndarray:
    """int64 [channels, rows, taps]: the weights in the order in which kernels read them."""
    weights = node.weights.astype(np.int64)
    if isinstance(node, Gemm):
        return weights[:, None]
    if node.dilations[1] != 1 and weights.shape[2] != 1:
        return weights.swapaxes(1, 2).reshape(len(weights), -1, weights.shape[3])
    return weights.reshape(*weights.shape[:2], -1)


def _vectors(node: Conv2d | Gemm) -> np.ndarray:
    """int64 [channels, vectors, 16]: the same, rows filled up with zeros."""
    rows = _rows(node)
    return np.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[2] % 16))).reshape(len(rows), -1, 16)


def _of_groups(values: np.ndarray) -> np.ndarray:
    """[groups, 16, n] of [channels, n]; missing channels are zero."""
    return np.pad(values, ((0, -len(values) % 16), (0, 0))).reshape(-1, 16, values.shape[1])


def _parts(start: np.ndarray, least: np.ndarray, most: np.ndarray, row: int, shift: int) -> list[int]:
    """The parts of one group, as few as they can be; `start` [16, 2], the least and the most that sums begin with,
    `least` and `most` [16, vectors], `row` vectors in each row of the weights."""
    if (start[:, 1] + most.sum(axis=1)).max() <= LANE_MAX and (start[:, 0] + least.sum(axis=1)).min() >= LANE_MIN:
        return []
    return fewest_parts(partial(_longest, start, least, most, shift), row, MAX_PARTS)


def fewest_parts(longest: Callable[[int], list[int]], row: int, at_most: int) -> list[int]:
    """The lengths of all parts but the last; `longest` says where parts end, each as long as its sums fit, from a
    vector on."""
    ends = longest(0)
    if len(ends) >= at_most:
        raise Inexact(f"some sum may leave the 20 bits of a lane, in {at_most} parts too")
    for index in range(len(ends)):  # what ends with a row is one segment less for the kernel
        begin, whole = ends[index - 1] if index else 0, ends[index] // row * row
        after = longest(whole) if whole > begin else ends
        if len(after) == len(ends) - index - 1:
            ends = [*ends[:index], whole, *after]
    return np.diff([0, *ends]).tolist()


def _longest(start: np.ndarray, least: np.ndarray, most: np.ndarray, shift: int, begin: int) -> list[int]:
    """Where parts end, each as long as its sums fit, from the vector `begin` on.

    A part may begin with the rest of the one before or, where a window at the border has none of those, with the bias.
    """
    bits = part_bits(shift)
    room = 1 << min(LANE_BITS - 1, bits + 7)
    top, bottom = np.maximum(start[:, 1], (1 << bits) - 1), np.minimum(start[:, 0], 0)
    ends: list[int] = []
    while True:
        high = (top[:, None] + np.cumsum(most[:, begin:], axis=1)).max(axis=0)
        low = (bottom[:, None] + np.cumsum(least[:, begin:], axis=1)).min(axis=0)
        long = min(int(np.searchsorted((high >= room) | (low < -room), True)), MAX_VECTORS)
        begin += long
        if begin == most.shape[1]:
            return ends
        if long == 0:
            raise Inexact("some sum may leave the 20 bits of a lane, in parts too")
        ends.append(begin)


def fetched_bytes(weights: np.ndarray, passes: int, target: Target) -> int:
    """Of flash, by a kernel that goes through all of the packed weights and biases so often in a run."""
    packed = -(-len(weights) // 16) * (16 * weights[0].size + BIAS_BYTES)
    return packed * (passes if target.exceeds_cache(packed) else 1)


def notes_of_parts(wide: bool, parts: int) -> tuple[str, ...]:
    """What the report says of sums that 20 bits might not hold."""
    if wide:
        return ("some sum may leave the 20 bits of a lane, in parts too: computed in 40 bits, about 8 times slower",)
    return (f"some sum may leave the 20 bits of a lane: computed in {parts} parts",) if parts > 1 else ()


def joined(weights: np.ndarray, pixels: int, stride: int) -> np.ndarray:
    """[pixels * channels, rows, columns, inputs]: neighbours as more channels of a wider kernel."""
    channels, rows, columns, inputs = weights.shape
    wide = np.zeros((pixels, channels, rows, columns + (pixels - 1) * stride, inputs), np.int8)
    for pixel in range(pixels):
        wide[pixel, :, :, pixel * stride : pixel * stride + columns] = weights
    return wide.reshape(pixels * channels, *wide.shape[2:])


def pack_lanes(biases: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
    """uint8 [groups, 48]: 16 biases in the bits of QACC, as ee.ld.qacc_* loads them, then 8 bytes: `part_lengths`.

    The lowest 128 bits of lanes 0 .. 7, the same of lanes 8 .. 15, the highest 32 of lanes 0 .. 7, of lanes 8 .. 15.
    """
    lanes = np.zeros(-(-len(biases) // 16) * 16, np.int64)
    lanes[: len(biases)] = biases
    if lanes.min() < LANE_MIN or lanes.max() > LANE_MAX:
        raise ValueError("a bias does not fit 20 bits")
    bits = (lanes.reshape(-1, 2, 8, 1) >> np.arange(20)) & 1
    halves = np.packbits(bits.astype(np.uint8).reshape(-1, 2, 160), axis=2, bitorder="little")
    groups = len(halves)
    packed = np.zeros((groups, BIAS_BYTES), np.uint8)
    packed[:, :32] = halves[:, :, :16].reshape(groups, 32)
    packed[:, 32:40] = halves[:, :, 16:].reshape(groups, 8)
    if lengths is not None:
        packed[:, 40:] = lengths[::16]
    return packed


def pack_wide_lanes(value: int) -> np.ndarray:
    """uint8 [48]: 8 lanes of 40 bits that all hold `value`, as `pack_lanes` packs 16 of 20."""
    half = np.frombuffer(4 * (value & (1 << 40) - 1).to_bytes(5, "little"), np.uint8)
    return np.concatenate([half[:16], half[:16], half[16:], half[16:], np.zeros(8, np.uint8)])
