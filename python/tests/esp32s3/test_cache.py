# SPDX-License-Identifier: CC0-1.0
"""What kernels fetch of weights that are larger than the data cache, counted with a model of it."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import cache
from pathlib import Path

import compiled_once
import numpy as np
import pytest
from harness import pack_params
from test_pie import Memory
from vector_harness import AFFINE, INCLUDES, TARGET, reference, sources

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall, Tensor

HERE = Path(__file__).resolve().parent


def build(folder: Path) -> None:
    command = ["gcc", "-std=c11", "-O2", "-shared", "-fPIC", *INCLUDES, "-include", str(HERE / "cached.h")]
    compiled_once.link(command, [*sources(), HERE / "cached.c"], folder / "cached.so")


@cache
def library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(compiled_once.folder(build, "vector kernels with a cache") / "cached.so"))
    library.fetched_bytes.restype = ctypes.c_uint64
    return library


def fetched(call: KernelCall, x: np.ndarray) -> float:
    """How often a run fetches its packed constants; its outputs are the reference's."""
    (expected,) = reference(call, x)
    constants = [np.frombuffer(c.tobytes(), np.uint8) for c in packings()[call.packing](call)]
    flash = Memory(np.concatenate([np.pad(c, (0, -len(c) % 32)) for c in constants]))
    places = np.cumsum([0, *(len(c) + -len(c) % 32 for c in constants)])
    given, room, y = (
        Memory(np.frombuffer(a, np.uint8))
        for a in (x.tobytes(), bytes(call.scratch_bytes + 16), bytes(expected.nbytes))
    )
    library().watch(ctypes.c_void_p(flash.address), ctypes.c_void_p(flash.address + int(places[-1])))
    pointers = [given.address, *(flash.address + int(place) for place in places[:-1]), y.address, room.address]
    library()[call.function](pack_params(call.params), *map(ctypes.c_void_p, pointers))
    np.testing.assert_array_equal(y.view.view(np.int8).reshape(expected.shape), expected)
    return library().fetched_bytes() / sum(c.nbytes for c in constants)


def pointwise(channels: int, size: int = 14) -> Conv2d:
    """64 channels to so many."""
    x, y = (Tensor(n, (1, size, size, c), "int8", 0.5) for n, c in (("x", 64), ("y", channels)))
    weights = np.random.default_rng(1).integers(-20, 21, (channels, 1, 1, 64)).astype(np.int8)
    one, none = (1, 1), (0, 0, 0, 0)
    scale, bias = np.full(channels, 2.0**-8, np.float32), np.zeros(channels, np.int32)
    return Conv2d((x,), (y,), (), weights, scale, bias, one, none, one, 1, None)


def product(rows: int) -> Gemm:
    """128 values to 512."""
    x, y = (Tensor(n, (rows, c), "int8", 0.5) for n, c in (("x", 128), ("y", 512)))
    weights = np.random.default_rng(2).integers(-20, 21, (512, 128)).astype(np.int8)
    return Gemm((x,), (y,), (), weights, np.full(512, 2.0**-9, np.float32), np.zeros(512, np.int32), None)


LARGE = pytest.mark.parametrize("node", [pointwise(576), product(48)], ids=["pointwise", "product"])


def values_of(node: Operator) -> np.ndarray:
    return np.random.default_rng(3).integers(-128, 128, node.inputs[0].shape).astype(np.int8)


@LARGE
def test_weights_larger_than_the_cache_are_fetched_once(node: Operator) -> None:
    call = lower(node, TARGET)
    assert fetched(call, values_of(node)) <= 1.1
    packed = packings()[call.packing](call)[0].nbytes
    assert packed <= call.fetched_bytes <= 1.1 * packed
    regardless = lower(node, replace(TARGET, data_cache=0))
    assert regardless.function != call.function or regardless.params != call.params
    assert fetched(regardless, values_of(node)) > 10


@LARGE
def test_outputs_of_scheme_affine_take_no_inputs_place_where_weights_would_be_fetched_again(node: Operator) -> None:
    """Over its input, a kernel goes through all weights for some pixels."""
    call = lower(node, AFFINE)
    assert fetched(call, values_of(node)) <= 1.1
    assert not call.overlaps and lower(node, replace(AFFINE, data_cache=0)).overlaps


def test_weights_that_the_cache_holds_stay_inside() -> None:
    x = np.random.default_rng(4).integers(-128, 128, (1, 14, 14, 64)).astype(np.int8)
    call = lower(pointwise(448), TARGET)
    assert call.function == "espdl_s3_conv2d_pointwise_s8"
    assert fetched(call, x) <= 1.1
    half = lower(pointwise(448), replace(TARGET, data_cache=16384))
    assert half.function == "espdl_s3_conv2d_aligned_s8"
