# SPDX-License-Identifier: CC0-1.0
"""What patterns of differences are said to mean."""

from __future__ import annotations

import numpy as np
import pytest

from espdl.verify.debug_patterns import meanings

RANDOM = np.random.default_rng(5)
EXPECTED = RANDOM.integers(-128, 128, (1, 8, 8, 24)).astype(np.int8)
EVERYWHERE = np.ones(EXPECTED.shape, bool)


def shifted(distance: int) -> np.ndarray:
    return np.roll(EXPECTED.ravel(), distance).reshape(EXPECTED.shape)


def changed(places: object) -> np.ndarray:
    got = EXPECTED.copy()
    got[places] = got[places] ^ 0x55
    return got


def wrapped() -> tuple[np.ndarray, np.ndarray]:
    exact = EXPECTED.astype(np.int32) * 2
    return np.clip(exact, -128, 127).astype(np.int8), exact.astype(np.int8)


def channel() -> np.ndarray:
    return changed((slice(None), slice(None), slice(None), 5))


def one_step() -> np.ndarray:
    return np.where(EXPECTED < 127, EXPECTED + 1, EXPECTED).astype(np.int8)


def changed_end() -> np.ndarray:
    """101 bytes, of which some behind the last whole 16 differ."""
    got = EXPECTED.ravel()[:101].copy()
    got[-3:] ^= 0x33
    return got


CASES = {
    "1 bytes later": (EXPECTED, shifted(1)),
    "3 bytes earlier": (EXPECTED, shifted(-3)),
    "only channel 5 of 24": (EXPECTED, channel()),
    "one step": (EXPECTED, one_step()),
    "did not write": (EXPECTED, np.full_like(EXPECTED, 0)),
    "overflow without saturation": wrapped(),
    "should not be": (np.clip(EXPECTED, -100, 100), np.where(EXPECTED > 0, 127, -128).astype(np.int8)),
    "another model": (EXPECTED, RANDOM.integers(-128, 128, EXPECTED.shape).astype(np.int8)),
    "no numbers": (np.float32([1, 2]), np.float32([1, np.nan])),
    "last bits": (np.float32([1, 2]), np.float32([1, np.nextafter(np.float32(2), np.float32(3))])),
    "the last 5 bytes": (EXPECTED.ravel()[:101], changed_end()),
}


@pytest.mark.parametrize("words", CASES, ids=str)
def test_pattern(words: str) -> None:
    expected, got = CASES[words]
    found = meanings(expected, got, np.ones(expected.shape, bool))
    assert words in found[0], found


def test_same_bytes_of_every_vector() -> None:
    expected = EXPECTED.ravel()[:1520].reshape(76, 20)
    got = expected.copy()
    got.reshape(-1)[15::16] ^= 0x55
    found = meanings(expected, got, np.ones(expected.shape, bool))
    assert "the same bytes of every 16" in found[0]


def test_nothing_known_is_no_pattern() -> None:
    assert meanings(EXPECTED, EXPECTED, EVERYWHERE) == []
    assert meanings(EXPECTED, shifted(1), np.zeros(EXPECTED.shape, bool)) == []
    known = EVERYWHERE.copy()
    known[0, 0] = False
    assert "one step" in meanings(EXPECTED, one_step(), known)[0]


def test_without_a_pattern_it_says_what_to_look_at() -> None:
    got = EXPECTED.copy()
    for place in (17, 400, 801, 1333):
        got.flat[place] ^= 0x20
    assert "compare the layer's weights" in meanings(EXPECTED, got, EVERYWHERE)[0]
