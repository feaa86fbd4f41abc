# SPDX-License-Identifier: Apache-2.0
"""What two cores do: turns, one after the other, in each of which both may compute, and no core begins the next one
before both are done. All types are frozen and part of the Plan.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS, CHANNELS = "rows", "channels"


@dataclass(frozen=True)
class Part:
    """What one core computes of a call: `start` to `stop` - 1 of the rows (axis 1) or channels (last axis) of its
    output, or all of it (`axis` is ""). Of a region it is all, and `call` the first of its calls."""

    call: int
    axis: str = ""
    start: int = 0
    stop: int = 0


@dataclass(frozen=True)
class Turn:
    """What the core that runs the model computes, and the other one meanwhile."""

    first: Part
    second: Part | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.first,) if self.second is None else (self.first, self.second)


@dataclass(frozen=True)
class Channels:
    """How a kernel computes some channels of its output: with `fields` as many as they are, and from constants of them
    alone. It is fastest where they are a multiple of `group`, and takes no others where `strict`.

    `follows`: it reads the same channels of its first input; else all of them. Then its output may also lie in that
    input where the whole call allows it, and both cores may write there: each reads and writes channels of its own.
    `packs`: instructions for a value of the input, which both cores prepare. `sliced` are the constants with an item
    for each channel; of the others both need all.
    """

    fields: tuple[str, ...]
    group: int = 1
    strict: bool = False
    follows: bool = False
    packs: float = 0.0
    sliced: tuple[str, ...] = ("weights", "bias", "multiplier", "shift", "parts")
