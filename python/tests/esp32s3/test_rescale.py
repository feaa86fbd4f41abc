# SPDX-License-Identifier: CC0-1.0
"""From 16 to 8 bits on the vector unit against the reference, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convolution import seeds
from vector_harness import AFFINE, EXAMPLES, TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.rescale import Rescale
from espdl.ops.rescale_channels import RescaleChannels
from espdl.plan.types import Tensor

KINDS = st.sampled_from(["int16", "uint16"])
# Outputs of one unit of the input: shifts, whole parts as scales of sensors have them, any. From MOST on, no more than
# four outputs are not saturated.
MOST = 2.0**7
RATIOS = st.one_of(
    st.integers(-20, 6).map(lambda n: 2.0**n),
    st.sampled_from([255 / 65535, 255 / 4095, 1.0, 127 / 32767]),
    st.floats(2.0**-12, 2.0**-4),
    st.floats(2.0**-30, MOST, exclude_max=True),
)
# Where input and output begin behind a multiple of 16.
PLACES = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 7).map(lambda n: 2 * n), st.integers(0, 15)))


def all_of(dtype: str) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


@st.composite
def nodes(draw: st.DrawFn, count: int) -> Rescale:
    dtype, ratio = draw(KINDS), draw(RATIOS)
    info = np.iinfo(dtype)
    zero = draw(st.sampled_from([0, info.min, info.max]) | st.integers(int(info.min), int(info.max)))
    y_zero = draw(st.sampled_from([0, -128, 127]) | st.integers(-128, 127))
    x = Tensor("x", (1, count), dtype, 0.5, zero)
    y = Tensor("y", x.shape, "int8", 0.5 / ratio, y_zero)
    return Rescale((x,), (y,), ())


@given(nodes(2**16))
@examples
def test_every_input(node: Rescale) -> None:
    """No scale below MOST and no zero point is declined, and all 65,536 inputs give the reference's outputs."""
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_rescale_16_s8"
    check(call, all_of(node.inputs[0].dtype).reshape(1, -1))


@given(st.data(), st.integers(1, 100), PLACES, st.integers(0, 2**32 - 1), st.sampled_from([TARGET, AFFINE]))
@examples
def test_any_count_anywhere(data: st.DataObject, count: int, shift: tuple[int, int], seed: int, target) -> None:
    node = data.draw(nodes(count))
    call = lower(node, target)
    assert call.function == "espdl_s3_rescale_16_s8"
    values = np.random.default_rng(seed).choice(all_of(node.inputs[0].dtype), (1, count))
    check(call, values, shift=shift)


def of_channels(random: np.random.Generator, dtype: str, shape: tuple[int, ...], axis: int) -> RescaleChannels:
    """What an export does to a picture: factors that differ by up to 4, means, a zero point, some saturation."""
    x = Tensor("x", shape, dtype, 1.0)
    y = replace(x, name="y", dtype="int8", scale=float(2.0 ** random.uniform(-3, 3)))
    y = replace(y, zero_point=int(random.choice([-128, 0, 127, random.integers(-128, 128)])))
    channels = shape[axis]
    reach = y.scale * 2.0 ** random.uniform(-12, -6) * 2.0 ** random.uniform(0, 2, channels)
    offset = y.scale * random.normal(size=channels) * 60
    return RescaleChannels((x,), (y,), (), reach.astype(np.float32), offset.astype(np.float32), axis)


@given(KINDS, seeds, st.sampled_from([1, 3]))
@settings(examples, max_examples=max(1, EXAMPLES // 3))
def test_every_input_of_every_channel(dtype: str, seed: int, axis: int) -> None:
    shape, values = ((1, 2**16, 1, 3), (1, -1, 1, 1)) if axis == 3 else ((1, 3, 1, 2**16), (1, 1, 1, -1))
    call = lower(of_channels(np.random.default_rng(seed), dtype, shape, axis), TARGET)
    assert call.function == "espdl_s3_rescale_channels_16_s8"
    check(call, np.broadcast_to(all_of(dtype).reshape(values), shape))


@given(KINDS, seeds, st.tuples(*[st.integers(1, 6)] * 2), st.integers(2, 40), st.booleans(), PLACES)
@examples
def test_channels_anywhere(
    dtype: str, seed: int, pixels: tuple[int, int], channels: int, is_last: bool, shift: tuple[int, int]
) -> None:
    random = np.random.default_rng(seed)
    shape = (1, *pixels, channels) if is_last else (1, channels, pixels[0], 4 * pixels[1])
    node = of_channels(random, dtype, shape, 3 if is_last else 1)
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_rescale_channels_16_s8"
    check(call, random.choice(all_of(dtype), shape), shift=shift)


@pytest.mark.parametrize("axis, most", [(1, 22), (3, 22)])
def test_operations_of_channels(axis: int, most: int) -> None:
    shape = (1, 3, 48, 48) if axis == 1 else (1, 48, 48, 3)
    node = of_channels(np.random.default_rng(1), "uint16", shape, axis)
    assert check(lower(node, TARGET), np.zeros(shape, np.uint16)).operations <= most * 48 * 48 * 3 / 16


@pytest.mark.parametrize("place, most", [(0, 19), (2, 21)])
def test_operations(place: int, most: int) -> None:
    """Of 16 elements."""
    x = Tensor("x", (1, 1600), "uint16", 0.5)
    call = lower(Rescale((x,), (replace(x, name="y", dtype="int8", scale=60.0, zero_point=-128),), ()), TARGET)
    assert check(call, np.zeros(x.shape, np.uint16), shift=(place, 0)).operations <= most * 100


def test_declines_with_reasons() -> None:
    x = Tensor("x", (1, 16), "int16", 1.0)

    def reason(y: Tensor) -> str:
        return select(Rescale((x,), (replace(y, name="y"),), ()), TARGET).declined[0]

    assert "not int16 of int16" in reason(replace(x, scale=2.0))
    assert "no slope of 30 bits" in reason(replace(x, dtype="int8", scale=1.0 / MOST))
