# SPDX-License-Identifier: CC0-1.0
"""Which rows of an input are needed for rows of the output, and the fields of parameters that change with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from espdl.plan.params import Params


@dataclass(frozen=True)
class Window:
    """`kernel` rows of `height`, `dilation` apart, those of the next output row `stride` further on."""

    height: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0

    def needed(self, first: int, end: int) -> tuple[int, int]:
        """The input rows, from .. to (without the last), of the output rows `first` .. `end`; may be none."""
        begin = first * self.stride - self.pad
        behind = (end - 1) * self.stride - self.pad + (self.kernel - 1) * self.dilation + 1
        begin = min(max(begin, 0), self.height)
        return begin, max(begin, min(behind, self.height))


@dataclass(frozen=True)
class Spread:
    """The transposed window: an input row reaches `kernel` output rows, from `stride` times itself less `pad` on."""

    height: int
    kernel: int
    stride: int
    dilation: int
    pad: int

    def needed(self, first: int, end: int) -> tuple[int, int]:
        begin = -(-(first + self.pad - (self.kernel - 1) * self.dilation) // self.stride)
        behind = (end - 1 + self.pad) // self.stride + 1
        begin = min(max(begin, 0), self.height)
        return begin, max(begin, min(behind, self.height))


@dataclass(frozen=True)
class Table:
    """Output row r needs the rows `lows[r]` .. `highs[r]`, the last included."""

    height: int
    lows: tuple[int, ...]
    highs: tuple[int, ...]

    def needed(self, first: int, end: int) -> tuple[int, int]:
        return min(self.lows[first:end]), max(self.highs[first:end]) + 1


@dataclass(frozen=True)
class Field:
    """A field of the parameters, or an item of it, in a call for `n` rows from `first` on that reads `given` rows of
    the input from `at` on: base + rows * n + per_first * first + per_input * at + per_given * given, or `least` where
    that is more."""

    name: str
    index: int | None = None
    base: int = 0
    rows: int = 0
    per_first: int = 0
    per_input: int = 0
    per_given: int = 0
    least: int | None = None

    def value(self, n: int, first: int, at: int, given: int) -> int:
        value = self.base + self.rows * n + self.per_first * first + self.per_input * at + self.per_given * given
        return value if self.least is None else max(value, self.least)


@dataclass(frozen=True)
class Facts:
    """What `of_call` says of a call.

    `inputs`: how each is read; None: all of it for any row. `fields` change with the rows of the first input that is
    read by rows. `multiple`: calls for other numbers of rows are wrong. `row_for_row`: where the call may write over
    its input, an output row takes the place of the input row of its index; else the output begins where `x` begins.
    `planes`: the input has its channels first, input_pitch bytes apart.
    """

    inputs: tuple[Window | Spread | Table | None, ...]
    fields: tuple[Field, ...]
    multiple: int = 1
    row_for_row: bool = True
    planes: bool = False

    def params(self, params: Params, n: int, first: int, given: tuple[int, int] | None = None) -> Params:
        """`params` for the rows `first` .. `first + n`, which read the rows `given` of the input, from .. to; None:
        those that are needed."""
        reader = next(reader for reader in self.inputs if reader is not None)
        at, end = given or reader.needed(first, first + n)
        for field in self.fields:
            value = field.value(n, first, at, end - at)
            if field.index is not None:
                items = list(getattr(params, field.name))
                items[field.index] = value
                params = replace(params, **{field.name: tuple(items)})
            else:
                params = with_field(params, field.name, value)
        return params


def with_field(params: Params, path: str, value: int) -> Params:
    """`params` with another value of a field, maybe one of a struct inside ("conv.pad_top")."""
    name, _, inner = path.partition(".")
    return replace(params, **{name: with_field(getattr(params, name), inner, value) if inner else value})
