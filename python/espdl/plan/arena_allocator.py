# SPDX-License-Identifier: Apache-2.0
"""Placing blocks of memory that live for a while (dynamic storage allocation), near the optimum, always the same way.

Work is limited in counted steps, never in seconds, so that equal inputs give equal bytes on every machine.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LOCAL_SEARCH_STEPS = 1_000_000
EXACT_SEARCH_STEPS = 1_000_000
EXACT_SEARCH_BLOCKS = 200


@dataclass(frozen=True)
class Block:
    """Memory that moves as one, for `members` (name: offset from the block's address) that share it.

    At time `first + i` it takes the bytes from `bottoms[i]` (0 where not given) up to `tops[i]`.
    """

    members: Mapping[str, int]
    first: int
    tops: tuple[int, ...]
    bottoms: tuple[int, ...] = ()

    @property
    def last(self) -> int:
        return self.first + len(self.tops) - 1

    def bottom(self, time: int) -> int:
        return self.bottoms[time - self.first] if self.bottoms else 0

    def top(self, time: int) -> int:
        return self.tops[time - self.first]

    def at(self, time: int) -> int:
        """Bytes at `time`."""
        return self.top(time) - self.bottom(time) if self.first <= time <= self.last else 0


def demand(blocks: Sequence[Block]) -> list[int]:
    """Bytes alive at each time."""
    totals = [0] * (max((block.last for block in blocks), default=-1) + 1)
    for block in blocks:
        for time in range(block.first, block.last + 1):
            totals[time] += block.at(time)
    return totals


def packed(blocks: Sequence[Block], exact: bool = True) -> tuple[list[int], int]:
    """Addresses of blocks, in their order, and the height: ArenaAllocator.pack, which is asked once for equal blocks.

    One network in other scales, or with another choice of MEMORY that changes nothing, often has blocks of equal sizes.
    """
    addresses, height = _packed(tuple((block.first, block.tops, block.bottoms) for block in blocks), exact)
    return list(addresses), height


@lru_cache(maxsize=1024)
def _packed(shapes: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...], exact: bool) -> tuple[list[int], int]:
    packer = ArenaAllocator([Block({}, *shape) for shape in shapes])
    addresses = packer.pack(exact)
    return addresses, packer.height(addresses)


class ArenaAllocator:
    """Finds addresses for `blocks` so that no two overlap at any time and the highest end is small."""

    def __init__(self, blocks: Sequence[Block]):
        self.blocks = tuple(blocks)
        count = len(self.blocks)
        # need[a][b]: the least by which b's address exceeds that of a where a is below b; rivals: alive together.
        # above[a]: its rivals b, each with need[b][a].
        self.need = [[0] * count for _ in range(count)]
        self.rivals: list[list[int]] = [[] for _ in range(count)]
        for a, b in itertools.permutations(range(count), 2):
            if self.blocks[a].last < self.blocks[b].first or self.blocks[b].last < self.blocks[a].first:
                continue
            distance = self._distance(self.blocks[a], self.blocks[b])
            if distance is not None:
                self.need[a][b] = distance
                self.rivals[a].append(b)
        self.above = [[(b, self.need[b][a]) for b in rivals] for a, rivals in enumerate(self.rivals)]
        self.peak_size = [max(block.tops, default=0) for block in self.blocks]
        self.demand = demand(self.blocks)
        self.lower_bound = max(self.demand, default=0)

    @staticmethod
    def _distance(below: Block, above: Block) -> int | None:
        times = range(max(below.first, above.first), min(below.last, above.last) + 1)
        distances = (below.top(t) - above.bottom(t) for t in times if below.at(t) > 0 and above.at(t) > 0)
        return max(distances, default=None)

    def height(self, addresses: Sequence[int]) -> int:
        return max((address + size for address, size in zip(addresses, self.peak_size)), default=0)

    def pack(self, exact: bool = True) -> list[int]:
        """Addresses of the blocks, in their order; without `exact` only what a quick search finds."""
        best = self._local_search()
        if exact and self.height(best) > self.lower_bound and len(self.blocks) <= EXACT_SEARCH_BLOCKS:
            best = _ExactSearch(self, best).run()
        return best

    def place(self, order: Sequence[int]) -> list[int]:
        """Every block at the lowest free address, in this order."""
        addresses = [-1] * len(self.blocks)
        for block in order:
            addresses[block] = self._lowest(block, addresses)
        return addresses

    def _lowest(self, block: int, addresses: Sequence[int]) -> int:
        """The lowest address of a block among those that have one (others: -1)."""
        mine = self.need[block]
        taken = [
            (addresses[other] - mine[other], addresses[other] + need)
            for other, need in self.above[block]
            if addresses[other] >= 0
        ]
        taken.sort()
        address = 0
        for low, high in taken:  # addresses strictly between low and high are taken
            if address <= low:
                break
            if high > address:
                address = high
        return address

    def _moved(self, order: list[int], addresses: list[int], i: int, j: int, most: int) -> list[int] | None:
        """What `place` makes of `order`, whose blocks lie at `addresses`, with its `i`-th block as the `j`-th; None
        where that is higher than `most`. Only what the move changes is placed again."""
        begin, end = min(i, j), max(i, j) + 1
        trial = [-1] * len(order)
        for block in order[:begin]:
            trial[block] = addresses[block]
        between = order[begin:end]
        between.insert(j - begin, between.pop(i - begin))
        for block in between:
            trial[block] = self._lowest(block, trial)
            if trial[block] + self.peak_size[block] > most:
                return None
        if all(trial[block] == addresses[block] for block in between):
            return addresses
        for block in order[end:]:
            trial[block] = self._lowest(block, trial)
            if trial[block] + self.peak_size[block] > most:
                return None
        return trial

    def _orders(self) -> list[list[int]]:
        blocks, count = self.blocks, range(len(self.blocks))
        crowd = [max((self.demand[t] for t in range(b.first, b.last + 1)), default=0) for b in blocks]
        keys = (
            lambda i: (-self.peak_size[i], blocks[i].first, i),
            lambda i: (-self.peak_size[i] * len(blocks[i].tops), i),
            lambda i: (-len(blocks[i].tops), -self.peak_size[i], i),
            lambda i: (-crowd[i], -self.peak_size[i], i),
            lambda i: (-crowd[i], -len(blocks[i].tops), i),
            lambda i: (blocks[i].first, -self.peak_size[i], i),
            lambda i: (-blocks[i].last, -self.peak_size[i], i),
        )
        return [sorted(count, key=key) for key in keys]

    def _local_search(self) -> list[int]:
        order = min(self._orders(), key=lambda candidate: self.height(self.place(candidate)))
        best = self.place(order)
        height = self.height(best)
        count = len(order)
        cost = sum(len(rivals) + 1 for rivals in self.rivals)
        state = 1
        for _ in range(LOCAL_SEARCH_STEPS // max(cost, 1) if count > 1 else 0):
            if height == self.lower_bound:
                break
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            i, j = (state >> 33) % count, (state >> 13) % count
            addresses = self._moved(order, best, i, j, height)
            if addresses is not None:
                order.insert(j, order.pop(i))
                height, best = self.height(addresses), addresses
        return best


class _ExactSearch:
    """Branch and bound over the blocks in the order of their addresses.

    Some best packing of blocks without bottoms has every block either at address 0 or on top of another; placing the
    blocks by rising address finds it. With bottoms it finds a good one. A branch dies when, at some time, what is
    placed (or lies below the present address) and what is still to come together reach the best height known.
    """

    def __init__(self, packer: ArenaAllocator, start: list[int]):
        self.packer = packer
        self.best = list(start)
        self.best_height = packer.height(start)
        self.steps = EXACT_SEARCH_STEPS
        self.addresses = [-1] * len(packer.blocks)
        self.tops = [0] * len(packer.demand)
        self.waiting = list(packer.demand)

    def run(self) -> list[int]:
        self._descend(0, -1, set(range(len(self.packer.blocks))))
        return self.best

    def _descend(self, level: int, previous: int, left: set[int]) -> None:
        if not left:
            height = self.packer.height(self.addresses)
            if height < self.best_height:
                self.best, self.best_height = list(self.addresses), height
            return
        choices = []
        for block in left:
            below = (o for o in self.packer.rivals[block] if self.addresses[o] >= 0)
            address = max((self.addresses[o] + self.packer.need[o][block] for o in below), default=0)
            address = max(address, 0)
            if (address, block) > (level, previous):  # rising addresses; each set of equal ones in one order only
                choices.append((address, -self.packer.peak_size[block], block))
        for address, _, block in sorted(choices):
            if self.steps <= 0 or self.best_height == self.packer.lower_bound:
                return
            self.steps -= len(left)
            undo = self._put(block, address)
            left.remove(block)
            if self._is_promising(address):
                self._descend(address, block, left)
            left.add(block)
            self._take(block, undo)

    def _put(self, block: int, address: int) -> list[int]:
        b = self.packer.blocks[block]
        self.addresses[block] = address
        undo = self.tops[b.first : b.last + 1]
        for t in range(b.first, b.last + 1):
            self.waiting[t] -= b.at(t)
            if b.at(t):
                self.tops[t] = address + b.top(t)
        return undo

    def _take(self, block: int, undo: list[int]) -> None:
        b = self.packer.blocks[block]
        self.addresses[block] = -1
        self.tops[b.first : b.last + 1] = undo
        for t in range(b.first, b.last + 1):
            self.waiting[t] += b.at(t)

    def _is_promising(self, level: int) -> bool:
        limit = self.best_height
        return all(
            (max(top, level) + waiting if waiting else top) < limit for top, waiting in zip(self.tops, self.waiting)
        )
