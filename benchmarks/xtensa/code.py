# SPDX-License-Identifier: Apache-2.0
"""How many bytes of code the vector kernels of a network take: what the linker keeps of them, constants included.

An EE.* instruction takes 3 bytes on the chip, or 4 where it multiplies and loads at once; its stand-in takes 3. Scalar
code is that of the compiler for the ESP8266, which saves registers by instructions of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_LONG = re.compile(r"\tee\.v\w*mulas\.s\w+\.\w+\.ld\.\w+\s")
_SECTION = re.compile(r"^\t\.section\s+([\w.]+)|^\t(\.text)\b", re.M)
_PLACED = re.compile(r"^ (\.(?:text|literal|rodata)\S*)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+)\s+(\S+\.o)$", re.M)


def sizes(linker_map: str, compiled: Mapping[str, str]) -> dict[str, int]:
    """Bytes of every object in the program whose assembler text, with EE.* instructions, is in `compiled`."""
    found: dict[str, int] = {}
    long = {name: long_instructions(text) for name, text in compiled.items()}
    for name, section, size in placed(linker_map):
        if name in long:
            found[name] = found.get(name, 0) + size + long[name].get(section, 0)
    return found


def long_instructions(assembler: str) -> dict[str, int]:
    """How many instructions of 4 bytes each section of a compiled file holds."""
    found: dict[str, int] = {}
    pieces = _SECTION.split(assembler)
    for named, plain, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        section = named or plain
        found[section] = found.get(section, 0) + len(_LONG.findall(text))
    return found


def placed(linker_map: str) -> Iterator[tuple[str, str, int]]:
    """Object, section and bytes of everything that is in the program."""
    _, kept = linker_map.split("Linker script and memory map", 1)
    for section, size, path in _PLACED.findall(kept):
        if int(size, 16) > 0:
            yield Path(path).stem, section, int(size, 16)
