# SPDX-License-Identifier: Apache-2.0
"""The blob of packed constants, and where every call finds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from espdl.plan.parts import part_call
from espdl.plan.turns import CHANNELS, Part
from espdl.plan.types import KernelCall, Plan

ALIGNMENT = 16


@dataclass(frozen=True)
class Weights:
    """`blob`: all packed constants, little endian, each at a multiple of 16, equal ones once; at least 16 bytes.

    `offsets[i]` are the places in the blob of call i's constant arguments, in order; of calls of which two cores
    compute some channels each, `parts` has those of each part instead.
    """

    blob: bytes
    offsets: tuple[tuple[int, ...], ...]
    parts: Mapping[Part, tuple[int, ...]] = field(default_factory=dict)

    def of(self, part: Part) -> tuple[int, ...]:
        return self.parts.get(part, self.offsets[part.call])


def pack(plan: Plan, packings: Mapping[str, Callable[[KernelCall], list[np.ndarray]]]) -> Weights:
    """The constants of all calls, packed as each call's kernel wants them; KeyError for an unknown packing."""
    blob = bytearray()
    known: dict[bytes, int] = {}

    def places(call: KernelCall) -> tuple[int, ...]:
        found = []
        for array in packings[call.packing](call) if call.constants else []:
            data = _bytes(array)
            if data not in known:
                known[data] = len(blob)
                blob.extend(data + bytes(-len(data) % ALIGNMENT))
            found.append(known[data])
        return tuple(found)

    offsets = []
    parts: dict[Part, tuple[int, ...]] = {}
    for index, call in enumerate(plan.calls):
        halves = [part for turn in plan.turns for part in turn.parts if (part.call, part.axis) == (index, CHANNELS)]
        parts |= {part: places(part_call(call, part, plan.by_name).call) for part in halves}
        offsets.append(() if halves else places(call))
    return Weights(bytes(blob) or bytes(ALIGNMENT), tuple(offsets), parts)


def _bytes(array: np.ndarray) -> bytes:
    data = np.ascontiguousarray(array)
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
