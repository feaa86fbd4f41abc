# SPDX-License-Identifier: Apache-2.0
"""What a Plan says of a network that computes a stream: new rows are pushed, and what is old stays in memory.

All types are frozen and part of the Plan. Rows are those of `espdl.plan.rows`. `window` rows of the input are what the
network was made for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamRows:
    """A tensor of which a push computes `step` new rows, and of whose `rows` (those of the window) the last `keeps` are
    in memory, at `offset`, one behind the other.

    `behind`: with EDGES stream, it has n * step + `behind` rows after n pushes, or none where that is negative.
    `persists`: it keeps rows from one push to the next; else all that is read of it was computed in the same push.
    """

    tensor: str
    row_bytes: int
    rows: int
    keeps: int
    step: int
    behind: int = 0
    persists: bool = True
    offset: int | None = None

    @property
    def nbytes(self) -> int:
        return self.keeps * self.row_bytes

    def end(self, pushes: int) -> int:
        """Rows of the endless stream that there are after so many pushes (EDGES stream)."""
        return max(0, pushes * self.step + self.behind) if pushes else 0


@dataclass(frozen=True)
class StreamRun:
    """What a call does in each push. Rows of the window that it computes: `top` to `top_stop` - 1, near its upper edge,
    and `tail` to the last one; not used with EDGES stream, where it computes all that are new.

    `staged`: bytes at `staged_offset` to which the rows that it reads are copied first, because its kernel wants them
    aligned; 0: it reads them where they are.
    """

    top: int = 0
    top_stop: int = 0
    tail: int = 0
    staged: int = 0
    staged_offset: int | None = None


@dataclass(frozen=True)
class Stream:
    """The calls `first` to `stop` - 1 compute new rows of `input` (a port), of which a push brings `hop`; those before
    do not depend on it, those behind compute the whole window from what the tensors keep of it.

    `edges`: "window" or "stream", what a padded row is. `runs` are by call. Outputs are there after `fills` pushes, and
    from push `settles` on every push does the same. `state_offset`: of the number of pushes.
    """

    input: str
    hop: int
    edges: str
    first: int
    stop: int
    tensors: tuple[StreamRows, ...]
    runs: tuple[StreamRun, ...]
    fills: int
    settles: int
    notes: tuple[str, ...] = ()
    state_offset: int | None = None

    def rows(self, tensor: str) -> StreamRows | None:
        return next((rows for rows in self.tensors if rows.tensor == tensor), None)


@dataclass(frozen=True)
class State:
    """The tensor of an input that is zero in the first run, and in every other one what `output` was in the run before.
    Both have one scale."""

    input: str
    output: str
