# SPDX-License-Identifier: CC0-1.0
"""Calls kernels between pages that may not be touched: a process of its own, because forks of a small one are cheap.

`python guarded_call.py <library>` reads pickled `Call`s from its standard input and answers each with one byte: 0
right, 2 wrong or too much written, 255 killed by a forbidden access, 1 anything else.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import sys
from dataclasses import dataclass

PAGE = mmap.PAGESIZE
GARBAGE = 0x5A
PROT_NONE = 0
LIBC = ctypes.CDLL(None, use_errno=True)
RIGHT, WRONG, KILLED = 0, 2, 255


@dataclass(frozen=True)
class Call:
    """`read`: inputs and constants. `written`: what the outputs must hold. `at_end`: where in its pages a block is."""

    function: str
    params: bytes
    read: tuple[bytes, ...]
    written: tuple[bytes, ...]
    scratch_bytes: int
    at_end: bool


class Block:
    """Memory for `size` bytes in whole blocks of 16, at the beginning or at the end of pages between forbidden ones."""

    def __init__(self, size: int, at_end: bool, content: bytes = b""):
        self.size, room = size, -(-size // 16) * 16
        pages = -(-room // PAGE) * PAGE
        self.memory = mmap.mmap(-1, pages + 2 * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.place = PAGE + (pages - room if at_end else 0)
        self.address, self.room = start + self.place, room
        self.memory[PAGE : PAGE + pages] = bytes([GARBAGE]) * pages
        self.memory[self.place : self.place + len(content)] = content
        for page in (start, start + PAGE + pages):
            assert LIBC.mprotect(ctypes.c_void_p(page), PAGE, PROT_NONE) == 0

    def content(self) -> bytes:
        return self.memory[self.place : self.place + self.size]

    def slack(self) -> bytes:
        return self.memory[self.place + self.size : self.place + self.room]


def run(library: ctypes.CDLL, call: Call) -> int:
    blocks = [Block(len(content), call.at_end, content) for content in call.read]
    written = [Block(len(content), call.at_end) for content in call.written]
    scratch = [Block(call.scratch_bytes, call.at_end)] if call.scratch_bytes else []
    library[call.function](call.params, *(ctypes.c_void_p(b.address) for b in (*blocks, *written, *scratch)))
    same = all(block.content() == content for block, content in zip(written, call.written, strict=True))
    return RIGHT if same and all(set(block.slack()) <= {GARBAGE} for block in written) else WRONG


def answer(library: ctypes.CDLL, call: Call) -> int:
    """In a child, which a forbidden access kills."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = run(library, call)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return KILLED if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main() -> None:
    library = ctypes.CDLL(sys.argv[1])
    while True:
        try:
            call = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        sys.stdout.buffer.write(bytes([answer(library, call)]))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.modules["guarded_call"] = sys.modules["__main__"]  # whose names the pickles have
    main()
