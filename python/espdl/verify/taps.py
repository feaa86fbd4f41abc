# SPDX-License-Identifier: Apache-2.0
"""Reads the lines that taps print on the console (src/taps.c), out of a log with whatever else in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

_MARK = re.compile(r"@espdl \d")
_LINE = re.compile(r"@espdl (\d+) ([a-z-]+ [^*\r\n]*?) \*([0-9a-f]{4})")


def fnv(data: bytes) -> int:
    """The hash that taps print: FNV-1a of 32 bits."""
    state = 0x811C9DC5
    for byte in data:
        state = (state ^ byte) * 0x01000193 & 0xFFFFFFFF
    return state


def check_of(text: str) -> str:
    """The four digits at the end of a line, over what is between its mark and its star."""
    state = fnv(text.encode("ascii", "replace"))
    return f"{(state >> 16 ^ state) & 0xFFFF:04x}"


@dataclass
class Piece:
    """What is known of one tensor: its size and hash, and the bytes of it that were printed in full.

    Of a layer in stripes there is no hash of all, but one of each part: `parts`, by offset, bytes and hash.
    """

    size: int | None = None
    hash: int | None = None
    data: dict[int, bytes] = field(default_factory=dict)
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)

    def first_difference(self, content: bytes) -> tuple[int, int] | None:
        """Begin and end in `content`, of what is known of this tensor by hashes: where they are others."""
        whole = {} if self.hash is None else {0: (len(content), self.hash)}
        for offset, (size, number) in sorted({**self.parts, **whole}.items()):
            if fnv(content[offset : offset + size]) != number:
                return offset, offset + size
        return None

    @property
    def is_hashed(self) -> bool:
        """Whether there are hashes of all its bytes."""
        return self.hash is not None or sum(size for size, _ in self.parts.values()) == self.size

    def known(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The bytes (uint8[size], 0 where unknown), and which of them are known (bool[size])."""
        content, known = np.zeros(size, np.uint8), np.zeros(size, bool)
        for offset, part in self.data.items():
            part = part[: max(0, size - offset)]
            content[offset : offset + len(part)] = np.frombuffer(part, np.uint8)
            known[offset : offset + len(part)] = True
        return content, known

    def complete(self) -> bytes | None:
        """All of it, where all was printed and fits the hash."""
        if self.size is None or not self.data:
            return None
        content, known = self.known(self.size)
        whole = content.tobytes()
        return whole if known.all() and self.is_hashed and self.first_difference(whole) is None else None


@dataclass
class TappedRun:
    """One run of a model. `number`, `model` and `identity` are None where the line that says them was lost.

    `inputs` by index, `layers` by (layer, output).
    """

    number: int | None = None
    model: str | None = None
    identity: str | None = None
    weights: tuple[int, int] | None = None
    inputs: dict[int, Piece] = field(default_factory=dict)
    layers: dict[tuple[int, int], Piece] = field(default_factory=dict)
    ended: bool = False


@dataclass
class Log:
    """All runs in order; how many lines were `damaged` (their check is wrong) and how many are `missing` altogether."""

    runs: list[TappedRun]
    damaged: int
    missing: int


def read(text: str) -> Log:
    """The runs in a log. Nothing in it is an error: what cannot be read is counted."""
    runs: list[TappedRun] = []
    missing, good, last = 0, 0, -1
    order = _Order()
    for number, kind, fields in _records(text):
        good += 1
        restarted = number <= last
        missing += number if restarted else number - last - 1
        # The line that begins a run, and the one that ends it, may both be lost.
        if not runs or runs[-1].ended or restarted or not order.can_follow(kind, fields):
            runs.append(TappedRun())
            order = _Order()
        order.add(kind, fields)
        _add(runs[-1], kind, fields)
        last = number
    return Log(runs, len(_MARK.findall(text)) - good, missing)


class _Order:
    """The order of lines in a run. An input or a layer comes once, its data behind it. Layers in stripes come part by
    part, each part once, between the layers in front of the region and those behind it."""

    def __init__(self) -> None:
        self.last: tuple[int, ...] = (-1,)
        self.parts: dict[
            tuple[str, str], tuple[int, bool]
        ] = {}  # by layer and output: the last offset, and whether of data
        self.last_part: tuple[int, ...] = (-1,)

    def can_follow(self, kind: str, fields: list[str]) -> bool:
        if not kind.startswith("part"):
            return _place(kind, fields) > max(self.last, self.last_part)
        before = self.parts.get((fields[0], fields[1]), (-1, False))
        return _part_place(kind, fields) > before and (_LAYER, int(fields[0])) > self.last

    def add(self, kind: str, fields: list[str]) -> None:
        if kind.startswith("part"):
            self.parts[fields[0], fields[1]] = _part_place(kind, fields)
            self.last_part = max(self.last_part, (_LAYER, int(fields[0]) + 1))
        else:
            self.last = _place(kind, fields)


def _part_place(kind: str, fields: list[str]) -> tuple[int, bool]:
    return int(fields[2]), kind == "part-data"


_KINDS = ("run", "weights", "input", "layer", "end")
_LAYER = _KINDS.index("layer")


def _place(kind: str, fields: list[str]) -> tuple[int, ...]:
    """What grows from line to line of a run, but for parts of layers."""
    order = _KINDS.index(kind.removesuffix("-data"))
    if order < 2 or kind == "end":
        return (order,)
    return (
        order,
        int(fields[0]),
        int(fields[1]) if "layer" in kind else 0,
        *map(int, fields[2:-1] if "-data" in kind else ()),
    )


def _records(text: str) -> Iterator[tuple[int, str, list[str]]]:
    for match in _LINE.finditer(text):
        number, rest, check = match.groups()
        kind, *fields = rest.split(" ")
        if check_of(f"{number} {rest}") == check and len(fields) == _FIELDS.get(kind):
            yield int(number), kind, fields


_FIELDS = {
    "run": 4,
    "weights": 2,
    "input": 3,
    "input-data": 4,
    "layer": 4,
    "layer-data": 4,
    "part": 6,
    "part-data": 4,
    "end": 1,
}


def _add(run: TappedRun, kind: str, fields: list[str]) -> None:
    if kind == "run":
        run.number, run.model, run.identity = int(fields[0]), fields[1], fields[2]
    elif kind == "end":
        run.ended = True
    elif kind == "weights":
        run.weights = (int(fields[0]), int(fields[1], 16))
    else:
        index, output = int(fields[0]), 0 if kind == "input" else int(fields[1])
        if kind.startswith("input"):
            piece = run.inputs.setdefault(index, Piece())
        else:
            piece = run.layers.setdefault((index, output), Piece())
        if kind.endswith("-data"):
            piece.data[int(fields[2])] = bytes.fromhex(fields[3])
        elif kind == "part":
            piece.size = int(fields[4])
            piece.parts[int(fields[2])] = (int(fields[3]), int(fields[5], 16))
        else:
            piece.size, piece.hash = int(fields[-2]), int(fields[-1], 16)
