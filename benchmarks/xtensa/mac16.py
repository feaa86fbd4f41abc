# SPDX-License-Identifier: Apache-2.0
"""The instructions of the option MAC16 as bytes: an assembler for a core without it does not know them.

Formats are those of the Xtensa Instruction Set Architecture Reference Manual: bits 23-20 and 19-16 say what is
multiplied and how, bits 14-12 and 6 name registers m0 .. m3, the others address registers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_SPECIAL = {"acclo": 16, "acchi": 17, "m0": 32, "m1": 33, "m2": 34, "m3": 35, "sar": 3}
_HALVES = {"ll": 0, "hl": 1, "lh": 2, "hh": 3}
_KIND = {"mul": 4, "mula": 8, "muls": 12}
# Which operands are m registers: alone, and with the loads.
_OPERANDS: dict[str, dict[str | None, int]] = {
    "dd": {None: 2, "ldinc": 0, "lddec": 1},
    "da": {None: 6, "ldinc": 4, "lddec": 5},
    "aa": {None: 7},
}
_LOADS = {"ldinc": 0x800004, "lddec": 0x900004}

_PRODUCT = re.compile(r"(mul|mula|muls)\.(dd|da|aa)\.(ll|hl|lh|hh)(?:\.(ldinc|lddec))?$")
_REGISTER = re.compile(r"([am])(\d+)$")


def encode(mnemonic: str, operands: Sequence[str]) -> int | None:
    """The 24 bits of an instruction of MAC16; None for any other."""
    if (found := _PRODUCT.match(mnemonic)) is not None:
        return _product(found, operands)
    if mnemonic in _LOADS:
        return _LOADS[mnemonic] | _m(operands[0]) << 12 | _a(operands[1]) << 8
    access, _, name = mnemonic.partition(".")
    if access in ("rsr", "wsr") and name in _SPECIAL and name != "sar":
        return (0x030000 if access == "rsr" else 0x130000) | _SPECIAL[name] << 8 | _a(operands[0]) << 4
    return None


def _product(found: re.Match[str], operands: Sequence[str]) -> int:
    kind, form, halves, load = found.groups()
    if load not in _OPERANDS[form] or (load and kind != "mula"):
        raise ValueError(f"{found[0]}: there is no such instruction")
    code = _OPERANDS[form][load] << 20 | (_KIND[kind] | _HALVES[halves]) << 16 | 4
    *to, x, y = operands
    if load:
        code |= _m(to[0]) << 12 | _a(to[1]) << 8
    if form == "aa":
        return code | _a(x) << 8 | _a(y) << 4
    code |= _one_of(_m(x), (0, 1)) << 14
    return code | (_one_of(_m(y), (2, 3)) - 2 << 6 if form == "dd" else _a(y) << 4)


def _one_of(register: int, allowed: Sequence[int]) -> int:
    if register not in allowed:
        raise ValueError(f"m{register} cannot stand there")
    return register


def _numbered(kind: str) -> Callable[[str], int]:
    def number(operand: str) -> int:
        found = _REGISTER.match("a1" if operand == "sp" else operand)
        if found is None or found[1] != kind:
            raise ValueError(f"{operand} is no register {kind}")
        return int(found[2])

    return number


_a, _m = _numbered("a"), _numbered("m")
