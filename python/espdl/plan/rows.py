# SPDX-License-Identifier: Apache-2.0
"""How a call computes some rows of its output: what a stripe needs to know of a kernel, and what a region keeps.

Rows are indices of axis 1: the height of an image, or time. Of a signal, an image of height 1, they may be its pixels
(`as_signal`). All types are frozen and part of the Plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def as_signal(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape whose axis 1 is time, the first axis that is larger than 1 and not the last."""
    first = next((axis for axis, size in enumerate(shape[:-1]) if size != 1), None)
    return shape if first is None else (1, *shape[first:])


@dataclass(frozen=True)
class Reach:
    """Output row o is made of the input's rows (step * o + first) // divisor up to (step * o + last) // divisor, as far
    as it has them.

    `planes`: the input is that many images one behind the other, and has to be complete.
    """

    step: int = 1
    first: int = 0
    last: int = 0
    divisor: int = 1
    planes: int = 0

    def begin(self, row: int) -> int:
        """The first input row of output row `row` that the input has."""
        return max(0, self.step * row + self.first) // self.divisor

    def end(self, row: int, height: int) -> int:
        """One more than the last input row of output row `row`, of `height` rows that the input has."""
        return max(0, min(height, (self.step * row + self.last) // self.divisor + 1))

    def above(self, start: int) -> int:
        """How far the first row read lies behind what output row `start` wants: rows of the input times `divisor`."""
        return self.begin(start) * self.divisor - self.step * start - self.first

    def computable(self, have: int, height: int, rows: int) -> int:
        """How many of `rows` output rows the first `have` of `height` input rows are enough for."""
        if have == height:
            return rows
        room = have * self.divisor - 1 - self.last
        return min(rows, room // self.step + 1) if room >= 0 else 0


POINTWISE = Reach()

# What a parameter can depend on: rows of the output, and the first of them; rows of the first input that has any, the
# first of them, and `Reach.above`.
QUANTITIES = ("rows", "start", "input_rows", "input_start", "above")


@dataclass(frozen=True)
class Change:
    """A field of the parameters (`height`, or `shape[1]` in an array): `factor * quantity + plus` for some rows."""

    field: str
    quantity: str
    factor: int = 1
    plus: int = 0

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"a field cannot depend on {self.quantity!r}")


@dataclass(frozen=True)
class Sharing:
    """Where the output of a call may lie in the memory of its input, both for any window of rows.

    "same": they start at the same address. "order": pixels are written in their order, each when it and all before it
    are computed. "pixels": so are they, `pixel` bytes of the input at a time, each of which is read before its result
    is written, and no other. "lanes": some channels after the other, so that addresses differ by a multiple of `pixel`
    bytes; row i of the output at most at row i + `rows` of what the first output row wants. "copied": likewise, where
    so many rows behind the first one that an output row wants are copied before it is written.
    """

    input: int
    kind: str
    pixel: int = 1
    rows: int = 0


@dataclass(frozen=True)
class Bands:
    """A kernel that copies some rows of its input, computes `field` of its parameters rows of the output, and goes on:
    for n of them it takes `scratch[n - 1]` bytes of scratch. `instructions` are those of one more band."""

    field: str
    scratch: tuple[int, ...]
    instructions: int


@dataclass(frozen=True)
class Rows:
    """A call that can compute any rows of its output.

    `reach` is by input (of `KernelCall.reads`); None: it needs all of it, in one piece.
    The first input with a reach is the one that the changes speak of. `overhead` is the estimate of what a further call
    costs, in instructions; `group` how many pixels the kernel computes at once, `height` how many rows. `copy` names a
    C function that copies rows faster than words, where they are multiples of 16 bytes, and its header. `anywhere`: the
    first row of an input may be at any address, whatever the call's alignment is. `bands`: its scratch is for so many
    rows at a time, and may be for fewer.
    """

    reach: tuple[Reach | None, ...]
    changes: tuple[Change, ...]
    sharing: tuple[Sharing, ...] = ()
    overhead: int = 0
    group: int = 1
    height: int = 1
    copy: str = ""
    copy_header: str = ""
    anywhere: bool = field(default=False, metadata={"sparse": True})
    bands: Bands | None = field(default=None, metadata={"sparse": True})


@dataclass(frozen=True)
class Kept:
    """Of a tensor that is written and read by a region alone: the rows that are in memory.

    At most `fresh` rows are written in one stripe, always from the same address on; up to `ahead` older ones lie in
    front of them when they are read. Between two stripes up to `held` rows wait at `held_offset`; with `moves` in front
    of the fresh ones, where they are moved when the stripe is done.
    """

    tensor: str
    row_bytes: int
    ahead: int
    fresh: int
    held: int
    moves: bool = False
    held_offset: int | None = None


@dataclass(frozen=True)
class Region:
    """The calls `first` to `stop` - 1, run stripe by stripe, each for at most `caps` rows a stripe.

    `tensors` are all that its calls read or write rows of, as roots (espdl.plan.graph); `kept` those of them that are
    not in memory as a whole. `state_offset`: of how far the region is. `ends`: why the next call cannot be part of it;
    "" where it could, and the arena is no smaller with it. `shared`: the calls of whose rows in a stripe two cores
    compute half each.
    """

    first: int
    stop: int
    caps: tuple[int, ...]
    tensors: tuple[str, ...]
    kept: tuple[Kept, ...] = ()
    ends: str = ""
    state_offset: int | None = None
    shared: tuple[int, ...] = field(default=(), metadata={"sparse": True})
