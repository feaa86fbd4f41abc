# SPDX-License-Identifier: CC0-1.0
"""Runs the code that an Xtensa compiler would see: C on this machine, every asm statement in the Python model."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import compiled_once
from pie_model import Pie
from vector_harness import INCLUDES, PORT, sources

_ASM = re.compile(r"__asm__ volatile\(((?:\s*\"(?:[^\"\\]|\\.)*\")+)\s*:(.*?):(.*?): \"memory\"\)", re.S)
_OPERAND = re.compile(r"(?:\[(\w+)\]\s*)?\"([^\"]+)\"\s*\(")
_PRELUDE = """
typedef struct { void *place; int size; long long value; } operand_t;
typedef void (*asm_block_t)(const char *text, const char *kinds, operand_t *operands);
asm_block_t run_block;
"""
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)


class _Operand(ctypes.Structure):
    _fields_ = [("place", ctypes.c_void_p), ("size", ctypes.c_int32), ("value", ctypes.c_int64)]


def _operands(text: str) -> list[tuple[str, str, str]]:
    """(name or "", constraint, expression) of the operands in one part of an asm statement."""
    found = []
    for match in _OPERAND.finditer(text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append((match[1] or "", match[2], text[match.end() : end - 1]))
    return found


def _call(match: re.Match) -> str:
    outputs, inputs = _operands(match[2]), _operands(match[3])
    fields = [f"{{&({e}), sizeof({e}), (intptr_t)({e if c == '+r' else 0})}}" for _, c, e in outputs]
    fields += [f"{{0, 0, (intptr_t)({e})}}" for *_, e in inputs]
    kinds = "".join(c[-1] for _, c, _ in outputs + inputs)
    numbers = {name: f"%{i}" for i, (name, *_) in enumerate(outputs + inputs)}
    text = re.sub(r"%\[(\w+)\]", lambda m: numbers[m[1]], match[1])
    return f'run_block({text}, "{kinds}", (operand_t[]){{{", ".join(fields) or "{0}"}}})'


def as_xtensa(path: Path) -> str:
    """A C file as an Xtensa compiler would see it, its asm statements replaced by calls of `run_block`."""
    command = ["gcc", "-std=gnu11", "-E", "-P", "-D__XTENSA__", *INCLUDES, f"-I{PORT / 'src'}", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    replaced = _ASM.sub(_call, text)
    assert "__asm__ volatile" not in replaced, "an asm statement of an unknown form"
    return _PRELUDE.replace("asm_block_t run_block", "extern asm_block_t run_block") + replaced


def _build(files: Sequence[Path], folder: Path) -> None:
    (folder / "prelude.c").write_text(_PRELUDE)
    paths = [folder / "prelude.c"]
    for file in files:
        paths.append(folder / file.name)
        paths[-1].write_text(as_xtensa(file))
    compiled_once.link(["gcc", "-O1", "-w", "-shared", "-fPIC"], paths, folder / "library.so")


class Machine:
    """C files compiled as for Xtensa; `pie` is the vector unit that they run on."""

    def __init__(self, files: Sequence[Path]):
        self.pie = Pie()
        self.blocks: set[str] = set()
        folder = compiled_once.folder(partial(_build, files), "as for Xtensa", *files)
        self.library = ctypes.CDLL(str(folder / "library.so"))
        self.callback = _CALLBACK(self._block)
        self.failure: BaseException | None = None
        ctypes.c_void_p.in_dll(self.library, "run_block").value = ctypes.cast(self.callback, ctypes.c_void_p).value

    def call(self, name: str, *arguments: object) -> None:
        """Calls a C function; AssertionError where an instruction is not one of the table."""
        self.failure = None
        self.library[name](*arguments)
        if self.failure is not None:
            raise self.failure

    def _block(self, text: bytes, kinds: bytes, address: int) -> None:
        if self.failure is None:
            try:
                self._run(text.decode(), kinds.decode(), address)
            except BaseException as error:  # C code lies between here and the caller
                self.failure = error

    def _run(self, text: str, kinds: str, address: int) -> None:
        operands = (_Operand * max(len(kinds), 1)).from_address(address)
        names = [f"r{i}" if kind == "r" else str(operands[i].value) for i, kind in enumerate(kinds)]
        self.pie.a = {f"r{i}": operands[i].value for i, kind in enumerate(kinds) if kind == "r"}
        self.blocks.add(text)
        self.pie.run(re.sub(r"%(\d+)", lambda m: names[int(m[1])], text))
        for i, operand in enumerate(operands[: len(kinds)]):
            if operand.place:
                ctypes.memmove(operand.place, self.pie.a[f"r{i}"].to_bytes(8, "little", signed=True), operand.size)


@cache
def kernels() -> Machine:
    """All kernels."""
    return Machine([path for path in sources() if path.name.startswith("s3_")])
