# SPDX-License-Identifier: CC0-1.0
"""Vector kernels between pages that may not be touched: they read no byte before a tensor and none behind its last
block of 16 bytes, and write nothing but the tensor.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import compiled_once
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers_of_kernels import layers
from vector_harness import EXAMPLES, INCLUDES, TARGET, examples, functions, pack_params, reference, sources

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall, Tensor

PAGE = mmap.PAGESIZE
GARBAGE = 0x5A
PROT_NONE = 0
LIBC = ctypes.CDLL(None, use_errno=True)


def build(folder: Path) -> None:
    compiled_once.link(["gcc", "-std=c11", "-O2", "-shared", "-fPIC", *INCLUDES], sources(), folder / "kernels.so")


@cache
def kernels() -> ctypes.CDLL:
    return ctypes.CDLL(str(compiled_once.folder(build, "vector kernels as a library") / "kernels.so"))


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


def run(call: KernelCall, at_end: bool, *inputs: np.ndarray) -> None:
    run_for(reference(call, *inputs), call, at_end, *inputs)


def run_for(expected: Sequence[np.ndarray], call: KernelCall, at_end: bool, *inputs: np.ndarray) -> None:
    """In a process of its own, which a forbidden access kills."""
    constants = [np.ascontiguousarray(c).tobytes() for c in packings()[call.packing](call)]
    function, params = kernels()[call.function], pack_params(call)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            blocks = [Block(len(c), at_end, c) for c in (*(x.tobytes() for x in inputs), *constants)]
            written = [Block(y.nbytes, at_end) for y in expected]
            scratch = [Block(call.scratch_bytes, at_end)] if call.scratch_bytes else []
            function(params, *(ctypes.c_void_p(b.address) for b in (*blocks, *written, *scratch)))
            same = all(b.content() == y.tobytes() for b, y in zip(written, expected, strict=True))
            code = 0 if same and all(set(b.slack()) <= {GARBAGE} for b in written) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert not os.WIFSIGNALED(status), f"{call.function} touched a forbidden page {dict(call.params)}"
    assert os.WEXITSTATUS(status) == 0, f"{call.function} wrote something wrong, or too much {dict(call.params)}"


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("kernel", functions())
@given(st.data())
@settings(examples, max_examples=max(1, EXAMPLES // 3))
def test_kernel_touches_no_more_than_its_tensors(kernel: str, at_end: bool, data: st.DataObject) -> None:
    """Every kernel of the headers; layers_of_kernels.py knows them all."""
    call, inputs = data.draw(layers(kernel))
    run(call, at_end, *inputs)


def test_a_forbidden_access_is_noticed() -> None:
    """A kernel that is told of one row more than there is."""
    x, y = Tensor("x", (2, 16), "int8", 1.0), Tensor("y", (2, 16), "int8", 1.0)
    scale = np.full(16, 0.5, np.float32)
    node = Gemm((x,), (y,), (), np.ones((16, 16), np.int8), scale, np.zeros(16, np.int32), None)
    call, values = lower(node, TARGET), np.ones((2, 16), np.int8)
    run(call, True, values)
    with pytest.raises(AssertionError, match="forbidden page"):
        run_for([values], call, True, values[:1])
