# SPDX-License-Identifier: CC0-1.0
"""Vector kernels between pages that may not be touched: they read no byte before a tensor and none behind its last
block of 16 bytes, and write nothing but the tensor.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_convolution import contents, convolutions, heavy, seeds
from vector_harness import INCLUDES, TARGET, examples, pack_params, reference, sources

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.ops.add import Add
from espdl.ops.gemm import Gemm
from espdl.ops.max_pool2d import MaxPool2d
from espdl.plan.types import KernelCall, Tensor

PAGE = mmap.PAGESIZE
GARBAGE = 0x5A
PROT_NONE = 0
LIBC = ctypes.CDLL(None, use_errno=True)


@cache
def kernels() -> ctypes.CDLL:
    library = Path(tempfile.mkdtemp(prefix="espdl-s3-guard-")) / "kernels.so"
    subprocess.run(
        ["gcc", "-std=c11", "-O2", "-shared", "-fPIC", *INCLUDES, *map(str, sources()), "-o", str(library)], check=True
    )
    return ctypes.CDLL(str(library))


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


FEW = st.one_of(st.sampled_from([8, 16, 32, 48, 64]), st.integers(1, 40))
NO_BORDER = (0, 0, 0, 0)


@pytest.mark.parametrize("at_end", [False, True])
@given(
    st.one_of(
        convolutions(FEW, FEW),
        convolutions(FEW, FEW, kernel=(1, 1), pads=NO_BORDER),
        convolutions(st.integers(1, 5), FEW, dilations=(None, 1)),
        convolutions(FEW, st.none(), depthwise=True),
        convolutions(st.sampled_from([8, 16, 32]), st.none(), depthwise=True, kernel=(3, 3), dilations=(None, 1)),
    ),
    st.booleans(),
    seeds,
)
@examples
def test_convolutions(at_end: bool, node, large: bool, seed: int) -> None:
    node = heavy(node, seed) if large and node.groups == 1 else node
    run(lower(node, TARGET), at_end, contents(seed // 7, node.inputs[0].shape))


@pytest.mark.parametrize("at_end", [False, True])
@given(st.sampled_from([1, 2, 5]), st.integers(1, 200), st.integers(1, 50), st.sampled_from([8, 127]), seeds)
@examples
def test_matrix_products(at_end: bool, rows: int, inputs: int, outputs: int, largest: int, seed: int) -> None:
    x, y = Tensor("x", (rows, inputs), "int8", 0.5), Tensor("y", (rows, outputs), "int8", 0.25)
    weights = contents(seed, (outputs, inputs), -largest, largest)
    bias = np.random.default_rng(seed).integers(-(2**14), 2**14, outputs).astype(np.int32)
    node = Gemm((x,), (y,), (), weights, np.full(outputs, 2.0**-9, np.float32), bias, None)
    run(lower(node, TARGET), at_end, contents(seed // 7, x.shape))


@pytest.mark.parametrize("at_end", [False, True])
@given(st.integers(1, 6), st.integers(1, 6), seeds)
@examples
def test_sums_and_pools(at_end: bool, height: int, width: int, seed: int) -> None:
    x = Tensor("x", (1, height, width, 16), "int8", 0.5)
    y = Tensor("y", (1, height, width, 16), "int8", 0.5)
    values = contents(seed, x.shape), contents(seed // 3, x.shape)
    run(lower(Add((x, x), (y,), (), None), TARGET), at_end, *values)
    pool = MaxPool2d((x,), (y,), (), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), None)
    run(lower(pool, TARGET), at_end, values[0])


def test_a_forbidden_access_is_noticed() -> None:
    """A kernel that is told of one row more than there is."""
    x, y = Tensor("x", (2, 16), "int8", 1.0), Tensor("y", (2, 16), "int8", 1.0)
    scale = np.full(16, 0.5, np.float32)
    node = Gemm((x,), (y,), (), np.ones((16, 16), np.int8), scale, np.zeros(16, np.int32), None)
    call, values = lower(node, TARGET), np.ones((2, 16), np.int8)
    run(call, True, values)
    with pytest.raises(AssertionError, match="forbidden page"):
        run_for([values], call, True, values[:1])
