# SPDX-License-Identifier: CC0-1.0
"""Splits a kernel call into calls for some rows of its output each, with no more of the inputs than they need."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import row_facts
import row_plans
from row_fields import Facts, with_field

from espdl.plan.types import KernelCall


@dataclass(frozen=True, eq=False)
class RowWindow:
    """A call for the rows `first` .. `end` of `height`; `shared`: (input, output, lead) in one memory.

    `is_planned`: the planner knows these rows, and thinks the same of them.
    """

    call: KernelCall
    inputs: list[np.ndarray]
    output: np.ndarray
    shared: tuple[tuple[int, int, int], ...]
    first: int
    end: int
    height: int
    is_planned: bool

    def __str__(self) -> str:
        return f"rows {self.first} .. {self.end} of {self.height}"


def random_split(call: KernelCall, inputs: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> list[RowWindow]:
    """`call` in parts that are random, but always the same; empty where it cannot be had row by row, or has one row."""
    random = np.random.default_rng(zlib.crc32(repr((call.function, call.params)).encode()))
    sizes = tuple(x.size for x in inputs)
    count = expected[0].size
    for height in random.permutation([n for n in range(2, count + 1) if count % n == 0]):
        facts = row_facts.of_call(call, int(height), sizes)
        if facts is not None and height // facts.multiple > 1:
            return _split(call, inputs, expected[0].reshape(height, -1), facts, random)
    return []


def _split(
    call: KernelCall, inputs: Sequence[np.ndarray], output: np.ndarray, facts: Facts, random: np.random.Generator
) -> list[RowWindow]:
    places = np.arange(1, len(output) // facts.multiple) * facts.multiple
    cuts = sorted(random.choice(places, random.integers(1, min(len(places), 3) + 1), replace=False))
    return [
        _window(call, inputs, output, facts, int(first), int(end), random)
        for first, end in zip([0, *cuts], [*cuts, len(output)])
    ]


def _window(
    call: KernelCall,
    inputs: Sequence[np.ndarray],
    output: np.ndarray,
    facts: Facts,
    first: int,
    end: int,
    random: np.random.Generator,
) -> RowWindow:
    params = facts.params(call.params, end - first, first)
    given, begins = [], []
    for x, reader in zip(inputs, facts.inputs, strict=True):
        begin, behind = (0, None) if reader is None else reader.needed(first, end)
        begins.append(begin)
        if facts.planes:
            spare = int(random.integers(begin == behind, 3))  # a plane has at least one row
            params = replace(params, input_pitch=(behind - begin + spare) * params.input_width)
            given.append(_planes(x.reshape(params.input_channels, reader.height, -1)[:, begin:behind], spare))
        else:
            given.append(x if reader is None else x.reshape(reader.height, -1)[begin:behind])
    # The input's height may say that there are more rows than the call needs, or leave them out.
    height = next((name for name, _ in params.flat() if name.endswith("input_height")), None)
    if height is not None and random.integers(0, 2):
        reader = next(r for r in facts.inputs if r is not None)
        params = with_field(params, height, reader.needed(first, end)[1] - begins[0])
    shared = [(i, o, _lead(facts, first - begins[i], given[i])) for i, o in call.in_place]
    shared = tuple(pair for pair in shared if pair[2] % call.alignment == 0)
    window = replace(call, params=params, in_place=(), overlaps=(), pitched=())
    planned = row_plans.compare(call, facts, tuple(x.size for x in inputs), first, end, len(output))
    return RowWindow(window, given, output[first:end], shared, first, end, len(output), planned)


def _planes(planes: np.ndarray, spare: int) -> np.ndarray:
    """int8 [channels][rows][width], flat, with `spare` rows of something else between two channels."""
    apart = np.pad(planes, ((0, 0), (0, spare), (0, 0)), constant_values=0x5A).reshape(-1)
    return apart[: apart.size - spare * planes.shape[2]]


def _lead(facts: Facts, ahead: int, given: np.ndarray) -> int:
    """Where an output in place of an input begins, in bytes in front of the first row given: `ahead` rows behind it."""
    return -ahead * given.strides[0] if facts.row_for_row else 0
