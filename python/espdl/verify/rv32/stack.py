# SPDX-License-Identifier: Apache-2.0
"""How deep functions of an rv32 image use the stack: the longest path through their machine code, whatever the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from espdl.verify import host

OBJDUMP = "riscv64-unknown-elf-objdump"

_FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*(\S*)")
_BRANCHES = {"beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez", "blez", "bgez", "bltz", "bgtz"}
_BRANCHES |= {"bgt", "ble", "bgtu", "bleu"}


@dataclass(frozen=True)
class Function:
    """The machine code of a function: (address, mnemonic, operands), in order."""

    name: str
    code: list[tuple[int, str, list[str]]] = field(default_factory=list)


class Stack:
    """The functions of an image.

    Calls through pointers are not followed; `indirect` holds who makes them, and the bytes that it has in use there.
    """

    def __init__(self, image: Path):
        self.functions = _functions(host.run_tool(OBJDUMP, "-d", "--no-show-raw-insn", str(image)))
        self.names = {f.code[0][0]: f.name for f in self.functions.values() if f.code}
        self.indirect: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def depth(self, name: str) -> int:
        """Bytes below the caller of `name`, callees included; ValueError for recursion and frames of no fixed size."""
        if name not in self._known:
            self._known[name] = -1
            self._known[name] = self._walk(self.functions[name])
        if self._known[name] < 0:
            raise ValueError(f"{name} calls itself")
        return self._known[name]

    def _walk(self, function: Function) -> int:
        """Follows every branch once, with the bytes in use at each instruction."""
        index = {address: i for i, (address, _, _) in enumerate(function.code)}
        used: dict[int, int] = {}
        deepest = 0
        waiting = [(0, 0)]
        while waiting:
            at, bytes_used = waiting.pop()
            while at < len(function.code) and at not in used:
                address, mnemonic, operands = function.code[at]
                used[at] = bytes_used
                bytes_used += _pushed(function, at)
                deepest = max(deepest, bytes_used)
                target = int(operands[-1], 16) if mnemonic in _BRANCHES | {"j", "jal"} else None
                if target is not None and target in index and mnemonic != "jal":
                    waiting.append((index[target], bytes_used))
                elif target is not None:
                    deepest = max(deepest, bytes_used + self.depth(self._at(target, function.name)))
                elif mnemonic == "jalr" or (mnemonic == "jr" and operands[0] != "ra"):
                    self.indirect[function.name] = max(bytes_used, self.indirect.get(function.name, 0))
                if mnemonic in ("j", "jr", "ret", "mret", "ebreak"):
                    break
                at += 1
            if not waiting and len(used) < len(function.code) and function.name in self.indirect:
                # What only a table of jumps reaches.
                unseen = next(i for i in range(len(function.code)) if i not in used)
                waiting.append((unseen, self.indirect[function.name]))
        return deepest

    def _at(self, address: int, caller: str) -> str:
        if address not in self.names:
            raise ValueError(f"{caller} jumps into the middle of a function")
        return self.names[address]


def _functions(text: str) -> Mapping[str, Function]:
    functions: dict[str, Function] = {}
    current = None
    for line in text.splitlines():
        head, instruction = _FUNCTION.match(line), _INSTRUCTION.match(line)
        if head:
            name = head[2] if head[2] not in functions else f"{head[2]}@{head[1]}"  # files may have one of a name each
            current = functions[name] = Function(name)
        elif instruction and current is not None:
            operands = instruction[3].split(",") if instruction[3] else []
            current.code.append((int(instruction[1], 16), instruction[2], operands))
    return functions


def _pushed(function: Function, at: int) -> int:
    """Bytes that an instruction takes from the stack; negative where it gives them back."""
    _, mnemonic, operands = function.code[at]
    if not operands or operands[0] != "sp" or mnemonic in ("sw", "lw"):
        return 0
    if mnemonic in ("addi", "add") and operands[1] == "sp":
        return -_constant(function, at, operands[2])
    raise ValueError(f"{function.name}: the size of its frame is not known ({mnemonic} {','.join(operands)})")


def _constant(function: Function, at: int, operand: str) -> int:
    """A number, or that in a register which `li`, or `lui` and `addi`, have loaded just before."""
    if re.fullmatch(r"-?\d+|0x[0-9a-f]+", operand):
        return int(operand, 0)
    added = 0
    for _, mnemonic, operands in reversed(function.code[:at]):
        if operands[:1] == [operand]:
            if mnemonic == "li":
                return int(operands[1], 0) + added
            if mnemonic == "lui":
                value = (int(operands[1], 0) << 12) + added
                return value - (1 << 32) if value >= 1 << 31 else value
            if mnemonic == "addi" and operands[1] == operand:
                added += int(operands[2], 0)
                continue
            break
    raise ValueError(f"{function.name}: the size of its frame is not known ({operand})")
