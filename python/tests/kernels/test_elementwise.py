# SPDX-License-Identifier: CC0-1.0
"""Add, lookup, quantize, dequantize, transpose: C against the references, the references against real arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, contents, scales, shifts, targets, tensors, zero_points

from espdl.backends import lower, select
from espdl.ops.add import Add
from espdl.ops.dequantize import Dequantize
from espdl.ops.flip_sign import FlipSign
from espdl.ops.lookup import FUNCTIONS, LEAKY_RELU, Lookup
from espdl.ops.lookup_channels import LookupChannels
from espdl.ops.numerics import activation_range
from espdl.ops.quantize import Quantize
from espdl.ops.transpose import Transpose
from espdl.plan.types import Tensor

counts = st.integers(1, 70)


def real(tensor: Tensor, q: np.ndarray) -> np.ndarray:
    return (q.astype(np.float64) - tensor.zero_point) * np.float64(np.float32(tensor.scale))


def steps_off(tensor: Tensor, q: np.ndarray, exact: np.ndarray, activation=None) -> float:
    """The largest distance of `q` from the exact value in steps of the tensor, saturation applied to both."""
    ideal = exact / np.float64(np.float32(tensor.scale)) + tensor.zero_point
    return float(np.abs(np.clip(ideal, *activation_range(activation, tensor)) - q).max())


@runs("espdl_add_s8", "espdl_add_shift_s8")
@given(st.data(), counts, shifts)
@examples
def test_add(data: st.DataObject, count: int, shift: int) -> None:
    target = data.draw(targets)
    a, b, y = (data.draw(tensors(name, (1, count), target)) for name in "aby")
    node = Add((a, b), (y,), (), data.draw(activations))
    assume(select(node, target).call is not None)
    va, vb = data.draw(contents(a.shape)), data.draw(contents(b.shape))
    (result,) = check(lower(node, target), va, vb, shift=shift)
    if max(a.scale, b.scale) < 2**8 * y.scale:
        assert steps_off(y, result, real(a, va) + real(b, vb), node.activation) <= 0.51


def test_add_declines_other_ratios() -> None:
    a, b, y = (Tensor(n, (1, 4), "int8", s) for n, s in (("a", 0.5), ("b", 0.3), ("y", 0.5)))
    node = Add((a, b), (y,), (), None)
    assert select(node, TARGETS[0]).call is not None
    assert "is not 2**-shift" in select(node, TARGETS[1]).declined[0]


@runs("espdl_lookup_s8")
@given(st.data(), counts, shifts, st.sampled_from([None, LEAKY_RELU, *FUNCTIONS]))
@examples
def test_lookup(data: st.DataObject, count: int, shift: int, function: str | None) -> None:
    target = data.draw(targets)
    rows = data.draw(st.integers(1, 3))
    x, y = (data.draw(tensors(name, (1, rows, count), target)) for name in "xy")
    node = Lookup((x,), (y,), (), function, 0.1, data.draw(activations))
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, target), values, shift=shift)
    if function is None:
        assert steps_off(y, result, real(x, values), node.activation) <= 0.5 + 1e-6


@runs("espdl_lookup_channels_s8")
@given(st.data(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 7), st.sampled_from(["int8", "uint8"]), shifts)
@examples
def test_lookup_channels(data: st.DataObject, outer: int, channels: int, inner: int, dtype: str, shift: int) -> None:
    """A factor and an offset per channel, channels first or last; the bytes of a picture are read as they are."""
    shape, random = (1, outer, channels, inner), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = replace(data.draw(tensors("x", shape, TARGETS[0])), dtype=dtype)
    x = replace(x, zero_point=x.zero_point + (128 if dtype == "uint8" else 0))
    y = data.draw(tensors("y", shape, TARGETS[0]))
    factor, offset = (random.normal(size=channels).astype(np.float32) for _ in range(2))
    values = data.draw(contents(shape)).view(dtype)
    (result,) = check(lower(LookupChannels((x,), (y,), (), factor, offset, 2), TARGETS[0]), values, shift=shift)
    exact = real(x, values) * factor[:, np.newaxis] + offset[:, np.newaxis]
    assert steps_off(y, result, exact) <= 0.51


@runs("espdl_lookup_s8")
@given(st.data(), counts, shifts)
@examples
def test_lookup_of_unsigned_bytes(data: st.DataObject, count: int, shift: int) -> None:
    y = data.draw(tensors("y", (1, count), TARGETS[0]))
    x = Tensor("x", (1, count), "uint8", y.scale * 1.5, data.draw(st.integers(0, 255)))
    values = data.draw(contents(x.shape)).view(np.uint8)
    (result,) = check(lower(Lookup((x,), (y,), (), None, 1.0, None), TARGETS[0]), values, shift=shift)
    assert steps_off(y, result, real(x, values)) <= 0.5 + 1e-4


@runs("espdl_quantize_s8")
@given(st.data(), counts, shifts)
@examples
def test_quantize(data: st.DataObject, count: int, shift: int) -> None:
    target = TARGETS[0]
    y = Tensor("y", (1, count), "int8", data.draw(scales(target)), data.draw(zero_points(target)))
    special = st.sampled_from([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, 1e-45])
    ties = st.integers(-300, 300).map(lambda k: (k + 0.5) * y.scale)
    values = st.lists(st.one_of(special, ties, st.floats(-2, 2, width=32)), min_size=count, max_size=count)
    x = np.float32(data.draw(values)).reshape(y.shape)
    node = Quantize((Tensor("x", y.shape, "float32"),), (y,), ())
    (result,) = check(lower(node, target), x, shift=shift)
    assert (result[np.isnan(x)] == y.zero_point).all()
    finite = np.isfinite(x)
    if finite.any():
        assert steps_off(y, result[finite], x[finite].astype(np.float64)) <= 0.5 + 1e-4


@runs("espdl_dequantize_s8")
@given(st.data(), counts, shifts)
@examples
def test_dequantize(data: st.DataObject, count: int, shift: int) -> None:
    x = data.draw(tensors("x", (1, count), TARGETS[0]))
    values = data.draw(contents(x.shape))
    node = Dequantize((x,), (Tensor("y", x.shape, "float32"),), ())
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    np.testing.assert_allclose(result, real(x, values), rtol=1e-6)


@runs("espdl_flip_sign_8")
@given(st.data(), counts, shifts, st.booleans())
@examples
def test_flip_sign(data: st.DataObject, count: int, shift: int, to_signed: bool) -> None:
    """Both ways keep the value: the zero point moves with the integers."""
    dtypes = ("uint8", "int8") if to_signed else ("int8", "uint8")
    x, y = (Tensor(name, (1, count), dtype) for name, dtype in zip("xy", dtypes))
    values = data.draw(contents(x.shape)).view(x.dtype)
    (result,) = check(lower(FlipSign((x,), (y,), (), to_signed), TARGETS[0]), values, shift=shift)
    np.testing.assert_array_equal(result.astype(int) - values, -128 if to_signed else 128)


@runs("espdl_transpose")
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data(), shifts)
@examples
def test_transpose(sizes: list[int], data: st.DataObject, shift: int) -> None:
    axes = tuple(data.draw(st.permutations(range(len(sizes)))))
    dtype = data.draw(st.sampled_from(["int8", "int16", "float32", "int64"]))
    x = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).integers(-128, 128, sizes).astype(dtype)
    expected = x.transpose(axes)
    node = Transpose((Tensor("x", x.shape, dtype),), (Tensor("y", expected.shape, dtype),), (), axes)
    (result,) = check(lower(node, TARGETS[0]), x, shift=shift)
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


def test_transpose_has_six_axes() -> None:
    shape, axes = (2,) * 7, (6, 5, 4, 3, 2, 1, 0)
    node = Transpose((Tensor("x", shape, "int8"),), (Tensor("y", shape, "int8"),), (), axes)
    assert "7 axes" in select(node, TARGETS[0]).declined[0]


@pytest.mark.parametrize("zero_point", [-128, 0, 5])
def test_lookup_table_of_the_identity(zero_point: int) -> None:
    x = Tensor("x", (1, 256), "int8", 0.1, zero_point)
    assert Lookup((x,), (x,), (), None, 1.0, None).table().tolist() == list(range(-128, 128))
