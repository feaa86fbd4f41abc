# SPDX-License-Identifier: CC0-1.0
"""Scheme affine on the vector unit: zero points anywhere, a multiplier per channel, TFLite's rounding, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_convolution import (
    INPUTS,
    activations,
    any_channels,
    check_bands,
    contents,
    convolutions,
    make,
    seeds,
    sizes,
    wide,
    with_channels_first,
)
from test_products import transposed
from test_sums_moves_pools import places
from vector_harness import AFFINE, EXAMPLES, check, examples

from espdl.backends import lower, select
from espdl.backends.esp32s3.scales import WantedOutputs, solve
from espdl.ops.add import Add
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact, quantize_multiplier
from espdl.plan.types import Tensor

Layer = TypeVar("Layer", Conv2d, ConvTranspose2d)
few = settings(examples, max_examples=max(1, EXAMPLES // 3))
fewest = settings(examples, max_examples=max(1, EXAMPLES // 6))


def as_affine(node: Layer, seed: int) -> Layer:
    """The same shape with any zero points and scales, so that outputs use their range; weights use all of int8."""
    random = np.random.default_rng(seed)
    (x,), (y,) = node.inputs, node.outputs
    weights = contents(seed, node.weights.shape, -127, 127)
    deviation = 70 * 40 * weights[0].size ** 0.5
    scale = (2.0 ** random.uniform(-2, 0, len(weights)) * 64 / deviation).astype(np.float32)
    zeros = [int(z) for z in random.choice([-128, 0, 5, 127], 2)]
    return replace(
        node,
        inputs=(replace(x, scale=0.5, zero_point=zeros[0]),),
        outputs=(replace(y, scale=0.5, zero_point=zeros[1]),),
        weights=weights,
        weights_scale=scale,
        bias=random.integers(-(2**14), 2**14, len(weights)).astype(np.int32),
    )


def run(node: Conv2d | ConvTranspose2d, seed: int, kernel: str) -> None:
    """Checks the kernel of the name `kernel`, where it takes the layer."""
    call = select(as_affine(node, seed), AFFINE).call
    assume(call is not None and call.function == f"espdl_s3_{kernel}_affine_s8")
    check(call, contents(seed // 7, node.inputs[0].shape))


@given(convolutions(st.sampled_from([16, 32, 80]), any_channels), seeds)
@few
def test_aligned(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_aligned")


@given(convolutions(st.sampled_from([16, 48, 160]), any_channels, kernel=(1, 1), pads=(0, 0, 0, 0)), seeds)
@few
def test_pointwise(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_pointwise")


@given(convolutions(st.integers(1, 44), any_channels), seeds)
@few
def test_bytes(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_bytes")


@given(convolutions(st.integers(1, 8), any_channels, dilations=(None, 1)), seeds)
@few
def test_narrow(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_narrow")


@pytest.mark.parametrize("kernel", ["aligned", "bytes", "narrow"])
@given(st.one_of(convolutions(st.integers(1, 24), any_channels), convolutions(st.just(16), any_channels)), seeds)
@few
def test_a_border_of_any_integers(kernel: str, node: Conv2d, seed: int) -> None:
    node = replace(as_affine(node, seed), border=contents(seed, (node.inputs[0].shape[3],)))
    call = select(node, AFFINE).call
    assume(any(node.pads) and call is not None and call.function == f"espdl_s3_conv2d_{kernel}_affine_s8")
    check(call, contents(seed // 7, node.inputs[0].shape))


@pytest.mark.parametrize("kernel", ["bytes", "narrow"])
@given(convolutions(st.integers(1, 15), any_channels), seeds, st.integers(0, 15), st.booleans())
@few
def test_channels_first(kernel: str, node: Conv2d, seed: int, shift: int, has_border: bool) -> None:
    """As the permutation and the convolution one after the other, with bands of some rows."""
    node = as_affine(node, seed)
    if has_border:
        node = replace(node, border=contents(seed, (node.inputs[0].shape[3],)))
    planar = with_channels_first(node)
    call = select(planar, AFFINE).call
    assume(call is not None and call.function == f"espdl_s3_conv2d_planar_{kernel}_affine_s8")
    check_bands(call, contents(seed // 7, planar.inputs[0].shape), shift)


@given(convolutions(st.integers(1, 3), st.sampled_from([1, 2, 4, 8])), seeds)
@few
def test_narrow_with_pixels_joined(node: Conv2d, seed: int) -> None:
    call = select(as_affine(node, seed), AFFINE).call
    assume(getattr(call.params, "pixels", 1) > 1)
    run(node, seed, "conv2d_narrow")


@pytest.mark.parametrize("kernel", INPUTS)
@given(st.data(), seeds)
@fewest
def test_rows_of_many_columns(kernel: str, data: st.DataObject, seed: int) -> None:
    run(data.draw(wide(kernel)), seed, f"conv2d_{kernel}")


@given(sizes.flatmap(lambda s: convolutions(st.integers(2, 40), st.none(), size=s, depthwise=True)), seeds)
@fewest
def test_depthwise_rows_of_many_columns(node: Conv2d, seed: int) -> None:
    run(node, seed, "depthwise")


@given(
    st.one_of(
        convolutions(st.integers(2, 40), st.none(), depthwise=True),
        convolutions(st.just(8), st.none(), depthwise=True, strides=(1, 1), dilations=(1, 1)),
    ),
    seeds,
)
@few
def test_depthwise(node: Conv2d, seed: int) -> None:
    assume(node.groups > 1)
    run(node, seed, "depthwise")


@given(transposed("aligned"), seeds)
@few
def test_conv_transpose(node: ConvTranspose2d, seed: int) -> None:
    run(node, seed, "conv_transpose2d")


@given(transposed("bytes"), seeds)
@few
def test_conv_transpose_of_any_channels(node: ConvTranspose2d, seed: int) -> None:
    run(node, seed, "conv_transpose2d_bytes")


@pytest.mark.parametrize("inputs", [5, 27, 160])
@given(st.integers(1, 5), st.integers(1, 50), activations, seeds)
@fewest
def test_matrix_products(inputs: int, rows: int, outputs: int, activation, seed: int) -> None:
    node = as_affine(make(seed, (1, rows, inputs), outputs, (1, 1), activation=activation), seed)
    x, y = replace(node.inputs[0], shape=(rows, inputs)), replace(node.outputs[0], shape=(rows, outputs))
    weights = node.weights.reshape(outputs, inputs)
    call = select(Gemm((x,), (y,), (), weights, node.weights_scale, node.bias, activation), AFFINE).call
    assume("affine" in call.function)
    check(call, contents(seed // 7, (1, 1, rows, inputs)))


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.integers(1, 100), activations, places, seeds)
@few
def test_add(exponents: list[float], count: int, activation, shift: tuple[int, ...], seed: int) -> None:
    zeros = np.random.default_rng(seed).choice([-128, 0, 17, 127], 3)
    tensors = zip("aby", exponents, zeros, strict=True)
    a, b, y = (Tensor(n, (1, count), "int8", 2.0**e, int(z)) for n, e, z in tensors)
    call = select(Add((a, b), (y,), (), activation), AFFINE).call
    assume(call.function == "espdl_s3_add_affine_s8")
    check(call, contents(seed, a.shape), contents(seed // 3, b.shape), shift=shift)


def test_add_of_all_pairs() -> None:
    """Its factors are proven for all pairs, which these are."""
    pairs = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))).astype(np.int8).reshape(2, 1, -1)
    scales = zip("aby", (0.05, 0.031, 0.043), (3, -128, -17), strict=True)
    a, b, y = (Tensor(n, pairs.shape[1:], "int8", s, z) for n, s, z in scales)
    call = lower(Add((a, b), (y,), (), None), AFFINE)
    assert call.function == "espdl_s3_add_affine_s8"
    check(call, *pairs)


def test_ties_that_no_factors_give_go_to_the_portable_kernel() -> None:
    a, y = Tensor("a", (1, 16), "int8", 0.5, 3), Tensor("y", (1, 16), "int8", 1.0, -17)
    selected = select(Add((a, replace(a, zero_point=-128)), (y,), (), None), AFFINE)
    assert selected.backend == "portable"
    assert "exactly its sums" in selected.declined[0]


def wanted(ratio: float, low: int = -128, offset: int = 0) -> WantedOutputs:
    """Three channels with a ratio each, near `ratio`; sums of 17 bits."""
    pairs = [quantize_multiplier(ratio * (1 + i / 3)) for i in range(3)]
    multiplier, shift = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    full = np.full(3, 2**16, np.int64)
    return WantedOutputs(multiplier, shift, -full, full - 1, np.full(3, offset, np.int64), 3, low, 127)


@pytest.mark.parametrize("low", [-128, 3])
@pytest.mark.parametrize("ratio", [2.0**-11, 0.0031, 0.02, 0.4])
def test_every_sum_gives_its_output(ratio: float, low: int) -> None:
    asked = wanted(ratio, low, offset=640)
    scales = solve(asked, in_parts=False)
    sums = np.arange(-(2**16), 2**16, dtype=np.int64)[None, :].repeat(3, 0)
    given_outputs = np.clip(scales.apply(sums - 640), low, 127)
    np.testing.assert_array_equal(given_outputs, asked.output(sums))


def test_declines_with_reasons() -> None:
    with pytest.raises(Inexact, match="too large"):
        solve(wanted(2.0**9), in_parts=False)
    node = as_affine(make(1, (1, 1, 16), 16, (3, 3), pads=(1, 1, 1, 1)), 1)
    assert "both sides" in select(node, AFFINE).declined[0]
    narrow = as_affine(make(3, (16, 6, 1), 16, (16, 4)), 3)
    assert "20 bits" in select(narrow, AFFINE).declined[0]


def test_nearly_all_layers_find_their_numbers() -> None:
    """What no numbers give runs elsewhere, silently in the tests above."""
    shapes = [((5, 5, 16), (3, 3)), ((4, 4, 48), (1, 1)), ((6, 6, 21), (3, 3)), ((6, 6, 3), (3, 3))]
    nodes = [as_affine(make(seed, image, 20, kernel), seed) for seed in range(10) for image, kernel in shapes]
    taken = [select(node, AFFINE).backend == "esp32s3" for node in nodes]
    assert sum(taken) >= 0.9 * len(taken)
