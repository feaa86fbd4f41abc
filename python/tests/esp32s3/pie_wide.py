# SPDX-License-Identifier: CC0-1.0
"""The part of the vector unit's model (pie_model.py) with lanes of 16 bits, and QACC as lanes of 40."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

STEP_MAC = range(-512, 512, 16)
ZERO = range(0, 1)

WIDE: dict[str, tuple] = {
    "ee.vmulas.s16.qacc": ("q", "q"),
    "ee.vmulas.s16.qacc.ld.ip": ("q", "a+", STEP_MAC, "q", "q"),
    "ee.vsmulas.s16.qacc": ("q", "q", range(0, 8)),
    "ee.vsmulas.s16.qacc.ld.incp": ("q", "a+", "q", "q", range(0, 8)),
    "ee.srcmb.s16.qacc": ("q", "a", ZERO),
    "ee.vcmp.lt.s16": ("q", "q", "q"),
    "ee.vsubs.s16": ("q", "q", "q"),
    "ee.vzip.8": ("q", "q"),
    "ee.vunzip.8": ("q", "q"),
}


def signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def saturated(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def _words(values: Sequence[int]) -> list[int]:
    """16 bytes as 8 int16."""
    return [signed((values[i] & 0xFF) | values[i + 1] << 8, 16) for i in range(0, 16, 2)]


def _set_words(pie: Any, q: int, words: Sequence[int]) -> None:
    pie.q[q] = [signed(part, 8) for word in words for part in (word, word >> 8)]


def _wide(pie: Any) -> list[int]:
    """QACC as 8 lanes of 40 bits."""
    return [signed(pie.half(first) >> (40 * i), 40) for first in (0, 8) for i in range(4)]


def _set_wide(pie: Any, lanes: Sequence[int]) -> None:
    for first in (0, 8):
        half = lanes[first // 2 : first // 2 + 4]
        pie.set_half(first, sum((lane & (1 << 40) - 1) << (40 * i) for i, lane in enumerate(half)))


def _wide_sum(pie: Any, x: Sequence[int], y: Sequence[int]) -> None:
    _set_wide(pie, [saturated(lane + a * b, 40) for lane, a, b in zip(_wide(pie), x, y, strict=True)])


def _vmulas_s16(pie: Any, x: int, y: int) -> None:
    _wide_sum(pie, _words(pie.q[x]), _words(pie.q[y]))


def _vmulas_s16_ld(pie: Any, q: int, register: str, step: int, x: int, y: int) -> None:
    _vmulas_s16(pie, x, y)
    pie.load(q, register, step)


def _vsmulas_s16(pie: Any, x: int, s: int, lane: int) -> None:
    _wide_sum(pie, _words(pie.q[x]), [_words(pie.q[s])[lane]] * 8)


def _vsmulas_s16_ld(pie: Any, q: int, register: str, x: int, s: int, lane: int) -> None:
    _vsmulas_s16(pie, x, s, lane)
    pie.load(q, register, 16)


def _srcmb_s16(pie: Any, q: int, shift: str, _: int) -> None:
    lanes = [lane >> pie.a[shift] for lane in _wide(pie)]
    _set_wide(pie, lanes)
    _set_words(pie, q, [saturated(lane, 16) for lane in lanes])


def _less(pie: Any, to: int, x: int, y: int) -> None:
    _set_words(pie, to, [-(a < b) for a, b in zip(_words(pie.q[x]), _words(pie.q[y]), strict=True)])


def _vsubs_s16(pie: Any, to: int, x: int, y: int) -> None:
    _set_words(pie, to, [saturated(a - b, 16) for a, b in zip(_words(pie.q[x]), _words(pie.q[y]), strict=True)])


def _vzip(pie: Any, low: int, high: int) -> None:
    both = [byte for pair in zip(pie.q[low], pie.q[high], strict=True) for byte in pair]
    pie.q[low], pie.q[high] = both[:16], both[16:]


def _vunzip(pie: Any, low: int, high: int) -> None:
    both = pie.q[low] + pie.q[high]
    pie.q[low], pie.q[high] = both[::2], both[1::2]


EXECUTE_WIDE: dict[str, Callable] = {
    "ee.vmulas.s16.qacc": _vmulas_s16,
    "ee.vmulas.s16.qacc.ld.ip": _vmulas_s16_ld,
    "ee.vsmulas.s16.qacc": _vsmulas_s16,
    "ee.vsmulas.s16.qacc.ld.incp": _vsmulas_s16_ld,
    "ee.srcmb.s16.qacc": _srcmb_s16,
    "ee.vcmp.lt.s16": _less,
    "ee.vsubs.s16": _vsubs_s16,
    "ee.vzip.8": _vzip,
    "ee.vunzip.8": _vunzip,
}
