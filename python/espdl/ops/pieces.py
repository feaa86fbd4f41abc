# SPDX-License-Identifier: Apache-2.0
"""A function of int16 as straight lines between integers: the table of the kernel for 16-bit tensors.

The 65,536 inputs are 128 blocks of 512. Each block is cut into pieces of 2**shift inputs, as long as straight lines
over them give every integer of the function to one step. A sigmoid takes some hundred entries, most of them where it
bends; a kink or a jump makes only its own block finer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK_BITS = 9
BLOCKS = 1 << (16 - BLOCK_BITS)
# What a block's start and shift, packed into 16 bits, can say.
SHIFT_BITS = 4
MOST_ENTRIES = 1 << (16 - SHIFT_BITS)
# By how many steps an interpolated value may differ from the function's integer.
_NEAR = 1
# Which share of a block's values may differ at all: more would show as noise of their own.
_FEW = 0.25


@dataclass(frozen=True)
class Pieces:
    """`shifts` [128]: of each block; `entries` int16: the function at the begin of every piece, and behind the last."""

    shifts: np.ndarray
    entries: np.ndarray

    @property
    def blocks(self) -> np.ndarray:
        """uint16 [128]: index of a block's first entry, and its shift in the low bits."""
        counts = 1 << (BLOCK_BITS - self.shifts)
        starts = np.cumsum(counts) - counts
        return (starts << SHIFT_BITS | self.shifts).astype(np.uint16)


def fit(exact: np.ndarray) -> Pieces:
    """Pieces for a function given by its integers for -32768 .. 32767: fine ones, or, where these are too many, few."""
    fine = _fit(exact.astype(np.int64), _FEW)
    return fine if too_uneven(fine) is None else _fit(exact.astype(np.int64), 1.0)


def _fit(exact: np.ndarray, most_off: float) -> Pieces:
    behind = np.clip(2 * exact[-1] - exact[-2], -32768, 32767)
    nodes = np.append(exact, behind)
    shifts = np.zeros(BLOCKS, np.int64)
    for shift in range(1, BLOCK_BITS + 1):
        corners = nodes[:: 1 << shift]
        inside = np.arange(1 << shift)
        lines = _line(corners[:-1, None], corners[1:, None], inside, shift).reshape(BLOCKS, -1)
        off = np.abs(lines - exact.reshape(BLOCKS, -1))
        shifts[(off.max(axis=1) <= _NEAR) & ((off > 0).mean(axis=1) <= most_off)] = shift
    parts = [nodes[b << BLOCK_BITS : (b + 1) << BLOCK_BITS : 1 << s] for b, s in enumerate(shifts)]
    return Pieces(shifts, np.append(np.concatenate(parts), behind).astype(np.int16))


def too_uneven(pieces: Pieces) -> str | None:
    """Why the kernel cannot have this table; None where it can."""
    count = len(pieces.entries)
    if count <= MOST_ENTRIES:
        return None
    return (
        f"straight lines that stay within {_NEAR} step of the function need {count} entries (it jumps or bends too"
        f" often), and the kernel's table has at most {MOST_ENTRIES}"
    )


def evaluate(x: np.ndarray, blocks: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """What the kernel makes of int16 `x`."""
    place = x.astype(np.int64) + 32768
    block = blocks.astype(np.int64)[place >> BLOCK_BITS]
    shift = block & ((1 << SHIFT_BITS) - 1)
    inside = place & ((1 << BLOCK_BITS) - 1)
    index = (block >> SHIFT_BITS) + (inside >> shift)
    left, right = (entries.astype(np.int64)[i] for i in (index, index + 1))
    return _line(left, right, inside & ((1 << shift) - 1), shift).astype(np.int16)


def _line(left: np.ndarray, right: np.ndarray, inside: np.ndarray, shift: int | np.ndarray) -> np.ndarray:
    return left + (((right - left) * inside + ((1 << shift) >> 1)) >> shift)
