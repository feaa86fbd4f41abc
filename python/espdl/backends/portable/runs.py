# SPDX-License-Identifier: Apache-2.0
"""How many products of two packed pixels a kernel may add up before it takes the two sums apart: two, or four where the
weights are small enough, in runs of groups that cost the least (src/kernels/dot_4x4_s8.h).

A word holds two values, 16 bits apart. Sums in its low half must stay in -2**15 .. 2**15 - 1 for any values of 8 bits.
"""

from __future__ import annotations

import numpy as np

# Instructions, counted on rv32: of a group of four and of two for four pixels and four channels, to begin with the
# other kind of group, and of a block without its groups.
FOUR, TWO, TURN, BLOCK = 130.0, 74.0, 19.0, 350.0
# The same where all groups are of two, which takes another loop.
ONLY_TWO, ONLY_BLOCK = 71.0, 240.0
# The longest run that a byte can say.
MOST = 255


def in_runs(blocks: np.ndarray) -> np.ndarray:
    """uint8: behind weights int8 [blocks][depth][4], depth even, the lengths of runs of groups of four and of two.

    A 1, then for each block pairs of bytes, groups of four and groups of two behind them, until all its products are
    in a group; or a single 0: all are in groups of two.
    """
    fits = _fits(blocks)
    costs, stays = _cheapest(fits)
    if costs[0].sum() + BLOCK * len(blocks) >= (ONLY_TWO * fits.shape[1] + ONLY_BLOCK) * len(blocks):
        return np.zeros(1, np.uint8)
    runs = [1]
    for block in range(len(blocks)):
        runs += _trace(stays[:, :, block], fits.shape[1])
    return np.array(runs, np.uint8)


def _fits(blocks: np.ndarray) -> np.ndarray:
    """bool [blocks][depth / 2]: whether the four products from each second one on may be added up."""
    wide = np.pad(blocks.astype(np.int64), ((0, 0), (0, 2), (0, 0)))
    low = np.where(wide > 0, -128 * wide, 127 * wide)
    high = np.where(wide > 0, 127 * wide, -128 * wide)
    count = blocks.shape[1] // 2

    def sums(products: np.ndarray) -> np.ndarray:
        twos = products[:, ::2] + products[:, 1::2]
        return twos[:, :count] + twos[:, 1 : count + 1]

    inside = (sums(low) >= -(2**15)) & (sums(high) < 2**15)
    inside[:, -1:] = False  # there are two left
    return np.asarray(inside.all(axis=2))


def _cheapest(fits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Instructions of each block from its beginning on, and bool [depth / 2][2][blocks]: whether the next group is of
    four, behind one of four (0) or of two (1)."""
    blocks, count = fits.shape
    costs = np.zeros((count + 2, 2, blocks))
    fours = np.zeros((count, 2, blocks), bool)
    for at in reversed(range(count)):
        four = np.where(fits[:, at], FOUR + costs[at + 2, 0], np.inf)
        two = TWO + costs[at + 1, 1]
        for behind, (from_four, from_two) in enumerate(((0.0, TURN), (TURN, 0.0))):
            fours[at, behind] = four + from_four <= two + from_two
            costs[at, behind] = np.minimum(four + from_four, two + from_two)
    return costs[0], fours


def _trace(fours: np.ndarray, count: int) -> list[int]:
    """The lengths of the runs of a block."""
    runs, at, behind = [0], 0, 0
    while at < count:
        kind = 0 if fours[at, behind] else 1
        if kind != behind or runs[-1] == MOST:
            runs += [0] if kind != behind else [0, 0]
        runs[-1] += 1
        at += 2 - kind
        behind = kind
    return runs if len(runs) % 2 == 0 else [*runs, 0]
