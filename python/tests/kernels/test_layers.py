# SPDX-License-Identifier: CC0-1.0
"""Reductions, products of activations, PRelu, linear resize, transposed convolution."""

from __future__ import annotations

import numpy as np
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, channel_scales, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.matmul import MatMul
from espdl.ops.numerics import activation_range
from espdl.ops.prelu import PRelu
from espdl.ops.reductions import ReduceMax, ReduceMin, ReduceSum
from espdl.ops.resize_linear import ResizeLinear
from espdl.plan.types import Tensor

# TFLite's requantisation rounds twice: half a step, and half of that where the shift is 1.
ROUNDED_TWICE = 0.76

sizes3 = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 5))


def real(tensor: Tensor, q: np.ndarray) -> np.ndarray:
    return (q.astype(np.float64) - tensor.zero_point) * np.float64(np.float32(tensor.scale))


def steps_off(y: Tensor, q: np.ndarray, exact: np.ndarray, activation=None) -> float:
    ideal = exact / np.float64(np.float32(y.scale)) + y.zero_point
    return float(np.abs(np.clip(ideal, *activation_range(activation, y)) - q.reshape(exact.shape)).max())


@runs("espdl_reduce_sum_s8")
@given(st.data(), sizes3, st.booleans(), shifts)
@examples
def test_sum_and_mean(data: st.DataObject, sizes: tuple[int, int, int], mean: bool, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", sizes, target))
    y = data.draw(tensors("y", (sizes[0], sizes[2]), target))
    node = ReduceSum((x,), (y,), (), sizes, mean, data.draw(activations))
    values = data.draw(contents(sizes))
    (result,) = check(lower(node, target), values, shift=shift)
    exact = real(x, values).mean(axis=1) if mean else real(x, values).sum(axis=1)
    assert steps_off(y, result, exact, node.activation) <= ROUNDED_TWICE


@runs("espdl_reduce_max_s8", "espdl_reduce_min_s8")
@given(st.data(), sizes3, st.sampled_from([ReduceMax, ReduceMin]), shifts)
@examples
def test_extremes(data: st.DataObject, sizes: tuple[int, int, int], kind: type, shift: int) -> None:
    values = data.draw(contents(sizes))
    node = kind((Tensor("x", sizes, "int8", 0.1),), (Tensor("y", (sizes[0], sizes[2]), "int8", 0.1),), (), sizes)
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    np.testing.assert_array_equal(result, values.max(axis=1) if kind is ReduceMax else values.min(axis=1))


@runs("espdl_matmul_s8")
@given(st.data(), st.tuples(*[st.integers(1, 5)] * 4), st.sampled_from(["both", "left", "right"]), shifts)
@examples
def test_matmul(data: st.DataObject, sizes: tuple[int, ...], constant: str, shift: int) -> None:
    batch, rows, inner, columns = sizes
    target = data.draw(targets)
    one = data.draw(st.sampled_from([None, 0, 1]))
    shapes = [(1 if one == i else batch, *s) for i, s in enumerate([(rows, inner), (inner, columns)])]
    a, b = (data.draw(tensors(n, s, target)) for n, s in zip("ab", shapes))
    y = data.draw(tensors("y", (max(s[0] for s in shapes), rows, columns), target))
    va, vb = (data.draw(contents(s)) for s in shapes)
    values = {"both": None, "left": va, "right": vb}[constant]
    inputs = {"both": (a, b), "left": (b,), "right": (a,)}[constant]
    node = MatMul(inputs, (y,), (), a, b, values, constant == "left", data.draw(activations))
    assume(select(node, target).call is not None)
    given_values = {"both": (va, vb), "left": (vb,), "right": (va,)}[constant]
    (result,) = check(lower(node, target), *given_values, shift=shift)
    assert steps_off(y, result, real(a, va) @ real(b, vb), node.activation) <= ROUNDED_TWICE


@runs("espdl_prelu_s8")
@given(st.data(), sizes3, shifts)
@examples
def test_prelu(data: st.DataObject, sizes: tuple[int, int, int], shift: int) -> None:
    target = data.draw(targets)
    x, y = (data.draw(tensors(n, sizes, target)) for n in "xy")
    slope = Tensor("", (sizes[1],), "int8", 2.0 ** data.draw(st.integers(-9, -6)))
    slopes = data.draw(contents((sizes[1],)))
    node = PRelu((x,), (y,), (), sizes, slope, slopes)
    assume(select(node, target).call is not None)
    values = data.draw(contents(sizes))
    (result,) = check(lower(node, target), values, shift=shift)
    exact = real(x, values)
    exact = np.where(exact >= 0, exact, exact * real(slope, slopes)[:, np.newaxis])
    assert steps_off(y, result, exact) <= ROUNDED_TWICE


@runs("espdl_resize_linear_s8")
@given(st.data(), st.tuples(*[st.integers(1, 6)] * 4), st.integers(1, 4), shifts)
@examples
def test_resize(data: st.DataObject, sizes: tuple[int, ...], channels: int, shift: int) -> None:
    x = Tensor("x", (1, *sizes[:2], channels), "int8", 0.5)
    y = Tensor("y", (1, *sizes[2:], channels), "int8", 0.5)
    mode = data.draw(st.sampled_from(["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]))
    node = ResizeLinear((x,), (y,), (), mode)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    exact = real(x, values)[0]
    for axis in (0, 1):
        low, high, weight = node.places(axis).T
        share = (weight / 2048)[:, np.newaxis, np.newaxis]
        exact = np.moveaxis(exact, axis, 0)
        exact = np.moveaxis(exact[low] * (1 - share) + exact[high] * share, 0, axis)
    assert steps_off(y, result, exact) <= 0.5


@runs("espdl_conv_transpose2d_s8")
@given(st.data(), shifts)
@examples
def test_conv_transpose(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    size, kernel, strides, dilations = (data.draw(st.tuples(*[st.integers(1, high)] * 2)) for high in (5, 4, 3, 2))
    full = [(size[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 for i in range(2)]
    pads = tuple(data.draw(st.integers(0, min(2, full[i] - 1))) for i in range(2))
    output = [max(full[i] - pads[i] + data.draw(st.integers(-2, 2)), 1) for i in range(2)]
    inputs, channels = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    x = data.draw(tensors("x", (1, *size, inputs), target))
    y = data.draw(tensors("y", (1, *output, channels), target))
    bias = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).integers(-(2**14), 2**14, channels)
    scales = data.draw(channel_scales(target, channels, x, y))
    weights = data.draw(contents((channels, *kernel, inputs), low=-127))
    activation = data.draw(activations)
    node = ConvTranspose2d((x,), (y,), (), weights, scales, bias.astype(np.int32), strides, pads, dilations, activation)
    assume(select(node, target).call is not None)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, target), values, shift=shift)
    acc = np.zeros((*output, channels))
    for iy, ix, ky, kx in np.ndindex(*size, *kernel):
        oy, ox = (iy * strides[0] + ky * dilations[0] - pads[0], ix * strides[1] + kx * dilations[1] - pads[1])
        if 0 <= oy < output[0] and 0 <= ox < output[1]:
            acc[oy, ox] += weights[:, ky, kx] @ (values[0, iy, ix].astype(np.float64) - x.zero_point)
    exact = (acc + bias) * scales.astype(np.float64) * np.float64(np.float32(x.scale))
    assert steps_off(y, result, exact, activation) <= ROUNDED_TWICE
