# SPDX-License-Identifier: CC0-1.0
"""Vector kernels between pages that may not be touched: they read no byte before a tensor and none behind its last
block of 16 bytes, and write nothing but the tensor.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import compiled_once
import guarded_call
import numpy as np
import pytest
import row_facts
import row_windows
from harness import pack_params
from hypothesis import given, settings
from hypothesis import strategies as st
from layers_of_kernels import layers
from vector_harness import EXAMPLES, INCLUDES, TARGET, examples, functions, reference, sources

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall, Tensor


def build(folder: Path) -> None:
    compiled_once.link(["gcc", "-std=c11", "-O2", "-shared", "-fPIC", *INCLUDES], sources(), folder / "kernels.so")


@cache
def guard() -> subprocess.Popen[bytes]:
    library = compiled_once.folder(build, "vector kernels as a library") / "kernels.so"
    command = [sys.executable, "-I", guarded_call.__file__, str(library)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def run(call: KernelCall, at_end: bool, *inputs: np.ndarray) -> None:
    run_for(reference(call, *inputs), call, at_end, *inputs)


def run_for(expected: Sequence[np.ndarray], call: KernelCall, at_end: bool, *inputs: np.ndarray) -> None:
    constants = [np.ascontiguousarray(c) for c in packings()[call.packing](call)]
    read, written = (tuple(x.tobytes() for x in arrays) for arrays in ((*inputs, *constants), expected))
    guarded = guarded_call.Call(call.function, pack_params(call.params), read, written, call.scratch_bytes, at_end)
    pickle.dump(guarded, guard().stdin)
    guard().stdin.flush()
    (code,) = guard().stdout.read(1)
    assert code != guarded_call.KILLED, f"{call.function} touched a forbidden page {call.params}"
    assert code == guarded_call.RIGHT, f"{call.function} wrote something wrong, or too much {call.params}"


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("kernel", functions())
@given(st.data())
@settings(examples, max_examples=max(1, EXAMPLES // 5))
def test_kernel_touches_no_more_than_its_tensors(kernel: str, at_end: bool, data: st.DataObject) -> None:
    """Every kernel of the headers, on all of its rows and on some; layers_of_kernels.py knows them all."""
    call, inputs = data.draw(layers(kernel))
    run(call, at_end, *inputs)
    for window in row_windows.random_split(call, inputs, reference(call, *inputs)):
        run_for([window.output], window.call, at_end, *window.inputs)


def test_every_kernel_has_rows() -> None:
    known = {**row_facts.MAKERS, **row_facts.WHOLE}
    assert {name for name in known if name.startswith("espdl_s3_")} == set(functions())


def test_a_forbidden_access_is_noticed() -> None:
    """A kernel that is told of one row more than there is."""
    x, y = Tensor("x", (2, 16), "int8", 1.0), Tensor("y", (2, 16), "int8", 1.0)
    scale = np.full(16, 0.5, np.float32)
    node = Gemm((x,), (y,), (), np.ones((16, 16), np.int8), scale, np.zeros(16, np.int32), None)
    call, values = lower(node, TARGET), np.ones((2, 16), np.int8)
    run(call, True, values)
    with pytest.raises(AssertionError, match="forbidden page"):
        run_for([values], call, True, values[:1])
