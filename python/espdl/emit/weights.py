# SPDX-License-Identifier: Apache-2.0
"""The blob of packed constants, and where every call finds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from espdl.plan.types import KernelCall, Plan

ALIGNMENT = 16


@dataclass(frozen=True)
class Weights:
    """`blob`: all packed constants, little endian, each at a multiple of 16, equal ones once; at least 16 bytes.

    `offsets[i]` are the places in the blob of call i's constant arguments, in order.
    """

    blob: bytes
    offsets: tuple[tuple[int, ...], ...]


def pack(plan: Plan, packings: Mapping[str, Callable[[KernelCall], list[np.ndarray]]]) -> Weights:
    """The constants of all calls, packed as each call's kernel wants them; KeyError for an unknown packing."""
    blob = bytearray()
    known: dict[bytes, int] = {}
    offsets = []
    for call in plan.calls:
        places = []
        for array in packings[call.packing](call) if call.constants else []:
            data = _bytes(array)
            if data not in known:
                known[data] = len(blob)
                blob += data + bytes(-len(data) % ALIGNMENT)
            places.append(known[data])
        offsets.append(tuple(places))
    return Weights(bytes(blob) or bytes(ALIGNMENT), tuple(offsets))


def _bytes(array: np.ndarray) -> bytes:
    data = np.ascontiguousarray(array)
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
