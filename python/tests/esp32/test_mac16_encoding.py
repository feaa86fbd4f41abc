# SPDX-License-Identifier: CC0-1.0
"""MAC16 instructions as bytes, against what assemblers for cores with MAC16 make of them."""

from __future__ import annotations

import pytest
from xtensa import mac16, stand_in

KNOWN = {
    "mula.dd.ll.ldinc m1,a8,m0,m2": "04 18 08",
    "mula.da.lh.ldinc m1,a8,m0,a3": "34 18 4a",
    "mula.da.hh.ldinc m1,a8,m0,a3": "34 18 4b",
    "ldinc m0,a0": "04 00 80",
    "mul.dd.ll m0,m2": "04 00 24",
    "mul.da.ll m0,a0": "04 00 64",
    "rsr.acclo a3": "30 10 03",
    "wsr.acclo a3": "30 10 13",
    "rsr.acchi a3": "30 11 03",
}


@pytest.mark.parametrize("text", KNOWN)
def test_bytes(text: str) -> None:
    expected = ", ".join(str(byte) for byte in bytes.fromhex(KNOWN[text]))
    assert stand_in(f"\t{text}") == f"\t.byte {expected}"


def test_loops() -> None:
    assert stand_in("loop a4,1f") == "990: .byte 0x76, 132, 1f - 990b - 4"
    assert stand_in("loopgtz a9,1f") == "990: .byte 0x76, 169, 1f - 990b - 4"


@pytest.mark.parametrize("text", ["m2, m2", "m0, m1", "m0, a3", "a2, m2"])
def test_registers_that_an_instruction_does_not_take(text: str) -> None:
    with pytest.raises(ValueError):
        mac16.encode("mula.dd.ll", text.split(", "))
