# SPDX-License-Identifier: CC0-1.0
"""Copy, gather, pad, concat: C against the references, the references against numpy."""

from __future__ import annotations

import numpy as np
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts

from espdl.backends import lower
from espdl.ops.concat import Concat
from espdl.ops.copy import Copy, _merged
from espdl.ops.gather import Gather
from espdl.ops.pad import Pad, Side
from espdl.plan.types import Tensor

dtypes = st.sampled_from(["int8", "float32", "int64"])


def draw(data: st.DataObject, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return data.draw(contents(shape)).astype(dtype)


@runs("espdl_copy")
@given(st.data(), st.lists(st.integers(1, 5), min_size=1, max_size=5), dtypes, shifts)
@examples
def test_slices(data: st.DataObject, sizes: list[int], dtype: str, shift: int) -> None:
    x = draw(data, tuple(sizes), dtype)
    slices = []
    for size in sizes:
        step = data.draw(st.sampled_from([1, 2, -1, -2]))
        low = data.draw(st.integers(0, size - 1))
        high = data.draw(st.integers(low, size - 1))
        slices.append(slice(low, high + 1, step) if step > 0 else slice(high, low - 1 if low else None, step))
    expected = x[tuple(slices)]
    strides = [s // x.itemsize for s in expected.strides]
    first = (expected.__array_interface__["data"][0] - x.__array_interface__["data"][0]) // x.itemsize
    node = Copy(
        (Tensor("x", x.shape, dtype),),
        (Tensor("y", expected.shape, dtype),),
        (),
        _merged(first, expected.shape, strides),
    )
    (result,) = check(lower(node, TARGETS[0]), x, shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@runs("espdl_copy")
@given(st.data(), st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=5), dtypes, shifts)
@examples
def test_repetitions(data: st.DataObject, axes: list[tuple[int, bool]], dtype: str, shift: int) -> None:
    x = draw(data, tuple(1 if wide else size for size, wide in axes), dtype)
    expected = np.broadcast_to(x, [size for size, _ in axes])
    view = _merged(0, expected.shape, [s // x.itemsize for s in expected.strides])
    node = Copy((Tensor("x", x.shape, dtype),), (Tensor("y", expected.shape, dtype),), (), view)
    (result,) = check(lower(node, TARGETS[0]), x, shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@runs("espdl_gather")
@given(st.data(), st.tuples(*[st.integers(1, 4)] * 4), dtypes, shifts)
@examples
def test_gather(data: st.DataObject, sizes: tuple[int, ...], dtype: str, shift: int) -> None:
    x = draw(data, sizes, dtype)
    rows, columns = (
        np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=6)), np.int32) for size in sizes[1:3]
    )
    expected = x[:, rows][:, :, columns]
    node = Gather((Tensor("x", x.shape, dtype),), (Tensor("y", expected.shape, dtype),), (), sizes, rows, columns)
    (result,) = check(lower(node, TARGETS[0]), x, shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@runs("espdl_pad_s8")
@given(st.data(), st.lists(st.tuples(*[st.integers(0, 3)] * 2, st.integers(1, 4)), min_size=1, max_size=4), shifts)
@examples
def test_pad(data: st.DataObject, axes: list[tuple[int, int, int]], shift: int) -> None:
    x = data.draw(contents(tuple(size for _, _, size in axes)))
    value = data.draw(st.integers(-128, 127))
    expected = np.pad(x, [(before, after) for before, after, _ in axes], constant_values=value)
    sides = tuple(Side(size, before, after) for before, after, size in axes)
    node = Pad((Tensor("x", x.shape, "int8"),), (Tensor("y", expected.shape, "int8"),), (), sides, value)
    (result,) = check(lower(node, TARGETS[0]), x, shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@runs("espdl_concat")
@given(st.data(), st.integers(1, 4), st.lists(st.integers(1, 5), min_size=2, max_size=8), dtypes, shifts)
@examples
def test_concat(data: st.DataObject, outer: int, sizes: list[int], dtype: str, shift: int) -> None:
    parts = [draw(data, (outer, size), dtype) for size in sizes]
    tensors = tuple(Tensor(f"x{i}", x.shape, dtype) for i, x in enumerate(parts))
    expected = np.concatenate(parts, axis=1)
    node = Concat(tensors, (Tensor("y", expected.shape, dtype),), (), outer)
    (result,) = check(lower(node, TARGETS[0]), *parts, *parts[-1:] * (8 - len(parts)), shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)
