# SPDX-License-Identifier: CC0-1.0
"""The vector unit of the ESP32-S3 in Python integers, written from the description of its instructions and apart from
the emulation in C: it executes assembler text.

`INSTRUCTIONS` is the table of everything that the kernels may use: mnemonic -> operands. An operand is q (vector
register), a (address register), a+ (address register that the instruction moves), =a (result), or the range of an
immediate.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from pie_wide import EXECUTE_WIDE, STEP_MAC, WIDE, ZERO, saturated, signed

LANES = range(16)
STEP_128 = range(-2048, 2048, 16)
STEP_QACC_32 = range(-512, 512, 4)
STEP_8 = range(0, 128)
STEP_64 = range(-1024, 1024, 8)
LANE = range(0, 16)
WORD = range(0, 1024, 4)

INSTRUCTIONS: dict[str, tuple] = {
    **WIDE,
    "ee.vld.128.ip": ("q", "a+", STEP_128),
    "ee.vld.128.xp": ("q", "a+", "a"),
    "ee.vst.128.ip": ("q", "a+", STEP_128),
    "ee.vst.128.xp": ("q", "a+", "a"),
    "ee.vld.l.64.xp": ("q", "a+", "a"),
    "ee.vst.l.64.ip": ("q", "a+", STEP_64),
    "ee.vldbc.8.ip": ("q", "a+", STEP_8),
    "ee.ld.128.usar.ip": ("q", "a+", STEP_128),
    "ee.ld.128.usar.xp": ("q", "a+", "a"),
    "ee.src.q": ("q", "q", "q"),
    "ee.src.q.qup": ("q", "q", "q"),
    "ee.andq": ("q", "q", "q"),
    "ee.xorq": ("q", "q", "q"),
    "ee.zero.q": ("q",),
    "ee.zero.qacc": (),
    "ee.ld.qacc_l.l.128.ip": ("a+", STEP_128),
    "ee.ld.qacc_h.l.128.ip": ("a+", STEP_128),
    "ee.ld.qacc_l.h.32.ip": ("a+", STEP_QACC_32),
    "ee.ld.qacc_h.h.32.ip": ("a+", STEP_QACC_32),
    "ee.st.qacc_l.l.128.ip": ("a+", STEP_128),
    "ee.st.qacc_h.l.128.ip": ("a+", STEP_128),
    "ee.st.qacc_l.h.32.ip": ("a+", STEP_QACC_32),
    "ee.st.qacc_h.h.32.ip": ("a+", STEP_QACC_32),
    "ee.vsmulas.s8.qacc": ("q", "q", LANE),
    "ee.vsmulas.s8.qacc.ld.incp": ("q", "a+", "q", "q", LANE),
    "ee.vmulas.s8.qacc": ("q", "q"),
    "ee.vmulas.s8.qacc.ld.ip": ("q", "a+", STEP_MAC, "q", "q"),
    "ee.vmulas.s8.qacc.ld.xp": ("q", "a+", "a", "q", "q"),
    "ee.srcmb.s8.qacc": ("q", "a", ZERO),
    "ee.ld.accx.ip": ("a+", STEP_64),
    "ee.vmulas.s8.accx": ("q", "q"),
    "ee.vmulas.s8.accx.ld.ip": ("q", "a+", STEP_MAC, "q", "q"),
    "ee.srs.accx": ("=a", "a", ZERO),
    "ee.vrelu.s8": ("q", "a", "a"),
    "ee.vmax.s8": ("q", "q", "q"),
    "ee.vmin.s8": ("q", "q", "q"),
    # Of the processor itself, inside blocks.
    "add": ("=a", "a", "a"),
    "addi": ("=a", "a", range(-128, 128)),
    "mov": ("=a", "a"),
    "movi": ("=a", range(-2048, 2048)),
    "l32i": ("=a", "a", WORD),
    "s32i": ("a", "a", WORD),
}
# Those that go elsewhere, to a label "1f" or "1b": what must hold of their register. "loopgtz" is the hardware's loop.
BRANCHES: dict[str, Callable[[int], bool]] = {
    "beqz": lambda value: value == 0,
    "bnez": lambda value: value != 0,
    "bltz": lambda value: value < 0,
    "bgez": lambda value: value >= 0,
}


@dataclass
class Pie:
    """`a`: address registers by name; addresses are those of this process."""

    q: list[list[int]] = field(default_factory=lambda: [[0] * 16 for _ in range(8)])
    qacc: list[int] = field(default_factory=lambda: [0] * 16)
    accx: int = 0
    sar_byte: int = 0
    a: dict[str, int] = field(default_factory=dict)
    operations: int = 0

    def run(self, text: str) -> None:
        """Executes lines of assembler; labels are numbers, as often as one likes. Hardware loops do not nest."""
        lines = _lines(text)
        place, loop = 0, (0, 0, 0)  # of which: the first line, the line behind the last, passes left behind this one
        while place < len(lines):
            line = lines[place]
            mnemonic, _, rest = line.partition(" ")
            place += 1
            if mnemonic == "loopgtz":
                register, label = rest.split(",")
                end = _target(lines, place, label)
                loop = (place, end, self.a[register] - 1)
                place = place if self.a[register] > 0 else end
            elif mnemonic in BRANCHES:
                register, label = rest.split(",")
                place = _target(lines, place, label) if BRANCHES[mnemonic](self.a[register]) else place
            elif mnemonic == "j":
                place = _target(lines, place, rest)
            elif not line.endswith(":"):
                self.step(line)
            if place == loop[1] and loop[2] > 0:
                place, loop = loop[0], (*loop[:2], loop[2] - 1)

    def step(self, line: str) -> None:
        mnemonic = line.partition(" ")[0]
        operands = check_line(line)
        values = [int(o[1:]) if kind == "q" else o if isinstance(kind, str) else int(o) for kind, o in operands]
        self.operations += mnemonic.startswith("ee.")
        _EXECUTE[mnemonic](self, *values)

    def read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address & -size, size)

    def write(self, address: int, data: bytes) -> None:
        ctypes.memmove(address & -len(data), data, len(data))

    def load(self, q: int, register: str, step: int) -> None:
        self.q[q] = [signed(b, 8) for b in self.read(self.a[register], 16)]
        self.a[register] += step

    def half(self, first: int) -> int:
        return sum((self.qacc[first + i] & 0xFFFFF) << (20 * i) for i in range(8))

    def set_half(self, first: int, bits: int) -> None:
        self.qacc[first : first + 8] = [signed(bits >> (20 * i), 20) for i in range(8)]


@cache
def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _target(lines: Sequence[str], place: int, label: str) -> int:
    """Where label "1f" or "1b" is, seen from the line in front of `place`."""
    places = range(place, len(lines)) if label[-1] == "f" else range(place - 1, -1, -1)
    return next(i for i in places if lines[i] == f"{label[:-1]}:")


@cache
def check_line(line: str) -> list[tuple[object, str]]:
    """(kind, operand) of an instruction; AssertionError where the table does not have it so."""
    mnemonic, _, rest = line.partition(" ")
    operands = [o.strip() for o in rest.split(",")] if rest else []
    assert mnemonic in INSTRUCTIONS, f"'{mnemonic}' is not in the table"
    kinds = INSTRUCTIONS[mnemonic]
    assert len(kinds) == len(operands), f"'{line}' has {len(operands)} operands, not {len(kinds)}"
    for kind, operand in zip(kinds, operands, strict=True):
        if kind == "q":
            assert re.fullmatch(r"q[0-7]", operand), f"'{line}': {operand} is no vector register"
        elif isinstance(kind, range):
            assert int(operand) in kind, f"'{line}': {operand} is not in {kind}"
    return list(zip(kinds, operands, strict=True))


def _lanes(pie: Pie, values: Sequence[int]) -> None:
    pie.qacc = [saturated(old + value, 20) for old, value in zip(pie.qacc, values, strict=True)]


def _vmul(pie: Pie, x: int, y: int) -> list[int]:
    return [a * b for a, b in zip(pie.q[x], pie.q[y], strict=True)]


def _load_part(first: int, size: int) -> Callable:
    def execute(pie: Pie, register: str, step: int) -> None:
        new, old = int.from_bytes(pie.read(pie.a[register], size), "little"), pie.half(first)
        low = (1 << 128) - 1
        pie.set_half(first, (old & ~low) | new if size == 16 else (old & low) | new << 128)
        pie.a[register] += step

    return execute


def _store_part(first: int, size: int) -> Callable:
    def execute(pie: Pie, register: str, step: int) -> None:
        bits = pie.half(first) if size == 16 else pie.half(first) >> 128
        pie.write(pie.a[register], (bits & ((1 << (8 * size)) - 1)).to_bytes(size, "little"))
        pie.a[register] += step

    return execute


def _vld_xp(pie: Pie, q: int, register: str, by: str) -> None:
    pie.load(q, register, pie.a[by])


def _vst(pie: Pie, q: int, register: str, step: int) -> None:
    pie.write(pie.a[register], bytes(v & 0xFF for v in pie.q[q]))
    pie.a[register] += step


def _vld_low(pie: Pie, q: int, register: str, by: str) -> None:
    pie.q[q][:8] = [signed(b, 8) for b in pie.read(pie.a[register], 8)]
    pie.a[register] += pie.a[by]


def _vst_low(pie: Pie, q: int, register: str, step: int) -> None:
    pie.write(pie.a[register], bytes(v & 0xFF for v in pie.q[q][:8]))
    pie.a[register] += step


def _vldbc(pie: Pie, q: int, register: str, step: int) -> None:
    pie.q[q] = [signed(pie.read(pie.a[register], 1)[0], 8)] * 16
    pie.a[register] += step


def _usar(pie: Pie, q: int, register: str, step: int) -> None:
    pie.sar_byte = pie.a[register] % 16
    pie.load(q, register, step)


def _src(pie: Pie, to: int, low: int, high: int) -> None:
    pie.q[to] = (pie.q[low] + pie.q[high])[pie.sar_byte : pie.sar_byte + 16]


def _src_qup(pie: Pie, to: int, low: int, high: int) -> None:
    shifted, old = (pie.q[low] + pie.q[high])[pie.sar_byte : pie.sar_byte + 16], pie.q[high]
    pie.q[to] = shifted
    pie.q[low] = list(old)


def _vsmulas(pie: Pie, x: int, s: int, lane: int) -> None:
    _lanes(pie, [v * pie.q[s][lane] for v in pie.q[x]])


def _vsmulas_ld(pie: Pie, q: int, register: str, x: int, s: int, lane: int) -> None:
    _vsmulas(pie, x, s, lane)
    pie.load(q, register, 16)


def _vmulas_ld(pie: Pie, q: int, register: str, step: int, x: int, y: int) -> None:
    _lanes(pie, _vmul(pie, x, y))
    pie.load(q, register, step)


def _srcmb(pie: Pie, q: int, shift: str, _: int) -> None:
    pie.qacc = [lane >> pie.a[shift] for lane in pie.qacc]
    pie.q[q] = [saturated(lane, 8) for lane in pie.qacc]


def _ld_accx(pie: Pie, register: str, step: int) -> None:
    pie.accx = signed(int.from_bytes(pie.read(pie.a[register], 8), "little"), 40)
    pie.a[register] += step


def _accx(pie: Pie, x: int, y: int) -> None:
    pie.accx = saturated(pie.accx + sum(_vmul(pie, x, y)), 40)


def _accx_ld(pie: Pie, q: int, register: str, step: int, x: int, y: int) -> None:
    _accx(pie, x, y)
    pie.load(q, register, step)


def _srs(pie: Pie, result: str, shift: str, _: int) -> None:
    pie.a[result] = saturated(pie.accx >> pie.a[shift], 32)


def _vrelu(pie: Pie, q: int, factor: str, shift: str) -> None:
    pie.q[q] = [v if v > 0 else signed((v * pie.a[factor]) >> pie.a[shift], 8) for v in pie.q[q]]


def _elementwise(function: Callable[[int, int], int]) -> Callable:
    def execute(pie: Pie, to: int, x: int, y: int) -> None:
        pie.q[to] = [function(a, b) for a, b in zip(pie.q[x], pie.q[y], strict=True)]

    return execute


def _set(pie: Pie, name: str, value: object) -> None:
    setattr(pie, name, value)


_EXECUTE: dict[str, Callable] = {
    **EXECUTE_WIDE,
    "ee.vld.128.ip": Pie.load,
    "ee.vld.128.xp": _vld_xp,
    "ee.vst.128.ip": _vst,
    "ee.vst.128.xp": lambda pie, q, register, by: _vst(pie, q, register, pie.a[by]),
    "ee.vld.l.64.xp": _vld_low,
    "ee.vst.l.64.ip": _vst_low,
    "ee.vldbc.8.ip": _vldbc,
    "ee.ld.128.usar.ip": _usar,
    "ee.ld.128.usar.xp": lambda pie, q, register, by: _usar(pie, q, register, pie.a[by]),
    "ee.src.q": _src,
    "ee.src.q.qup": _src_qup,
    "ee.andq": _elementwise(lambda a, b: a & b),
    "ee.xorq": _elementwise(lambda a, b: a ^ b),
    "ee.zero.q": lambda pie, q: pie.q.__setitem__(q, [0] * 16),
    "ee.zero.qacc": lambda pie: _set(pie, "qacc", [0] * 16),
    "ee.ld.qacc_l.l.128.ip": _load_part(0, 16),
    "ee.ld.qacc_h.l.128.ip": _load_part(8, 16),
    "ee.ld.qacc_l.h.32.ip": _load_part(0, 4),
    "ee.ld.qacc_h.h.32.ip": _load_part(8, 4),
    "ee.st.qacc_l.l.128.ip": _store_part(0, 16),
    "ee.st.qacc_h.l.128.ip": _store_part(8, 16),
    "ee.st.qacc_l.h.32.ip": _store_part(0, 4),
    "ee.st.qacc_h.h.32.ip": _store_part(8, 4),
    "ee.vsmulas.s8.qacc": _vsmulas,
    "ee.vsmulas.s8.qacc.ld.incp": _vsmulas_ld,
    "ee.vmulas.s8.qacc": lambda pie, x, y: _lanes(pie, _vmul(pie, x, y)),
    "ee.vmulas.s8.qacc.ld.ip": _vmulas_ld,
    "ee.vmulas.s8.qacc.ld.xp": lambda pie, q, register, by, x, y: _vmulas_ld(pie, q, register, pie.a[by], x, y),
    "ee.srcmb.s8.qacc": _srcmb,
    "ee.ld.accx.ip": _ld_accx,
    "ee.vmulas.s8.accx": _accx,
    "ee.vmulas.s8.accx.ld.ip": _accx_ld,
    "ee.srs.accx": _srs,
    "ee.vrelu.s8": _vrelu,
    "ee.vmax.s8": _elementwise(max),
    "ee.vmin.s8": _elementwise(min),
    "add": lambda pie, result, a, b: pie.a.__setitem__(result, pie.a[a] + pie.a[b]),
    "addi": lambda pie, result, a, value: pie.a.__setitem__(result, pie.a[a] + value),
    "mov": lambda pie, result, a: pie.a.__setitem__(result, pie.a[a]),
    "movi": lambda pie, result, value: pie.a.__setitem__(result, value),
    "l32i": lambda pie, result, a, step: pie.a.__setitem__(
        result, int.from_bytes(pie.read(pie.a[a] + step, 4), "little", signed=True)
    ),
    "s32i": lambda pie, a, to, step: pie.write(pie.a[to] + step, (pie.a[a] & 0xFFFFFFFF).to_bytes(4, "little")),
}
