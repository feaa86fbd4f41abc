# SPDX-License-Identifier: Apache-2.0
"""How many products of packed pixels a kernel may add up before it takes the sums apart (src/kernels/dot_3x8_s8.h).

Three sums share two words, each in BITS bits: they must fit for any values of 8 bits, which the weights decide.
"""

from __future__ import annotations

import numpy as np

from espdl.backends.accumulators import ends

BITS = 21
LIMIT = 2 ** (BITS - 1)
# What two bytes can say.
MOST = 2**16 - 1


def products_at_once(blocks: np.ndarray) -> int:
    """For weights int8 [blocks][depth][8] as many as possible, in parts of one length (the last one may be shorter)."""
    depth = blocks.shape[1]
    channels = blocks.transpose(0, 2, 1).reshape(-1, depth)
    parts = max(-(-_reach(channels, depth) // LIMIT), -(-depth // MOST))
    while _reach(channels, -(-depth // parts)) > LIMIT:
        parts += 1
    return -(-depth // parts)


def _reach(channels: np.ndarray, count: int) -> int:
    """What no sum of `count` products, from the first one on, exceeds: its magnitude, one more where it is positive."""
    padded = np.pad(channels, ((0, 0), (0, -channels.shape[1] % count)))
    least, most = ends(padded.reshape(len(channels), -1, count), -128, 127)
    return max(int(-least.min()), int(most.max()) + 1)
