# SPDX-License-Identifier: CC0-1.0
"""Convolutions and matrix products on the vector unit: every kernel against the reference, bit for bit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from vector_harness import EXAMPLES, TARGET, check, examples

from espdl.backends import lower, select, within_scratch
from espdl.ops.add import Add
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall, Tensor

INFINITE = float("inf")
activations = st.sampled_from([None, (0.0, INFINITE), (0.0, 6.0), (-0.5, 0.75), (-INFINITE, 1.0)])
seeds = st.integers(0, 2**32 - 1)


def contents(seed: int, shape: tuple[int, ...], low: int = -128, high: int = 127) -> np.ndarray:
    """int8: uniform, or only extremes, which drive every sum to its bound."""
    random = np.random.default_rng(seed)
    if seed % 3 == 0:
        return random.choice([low, high], shape).astype(np.int8)
    return random.integers(low, high + 1, shape).astype(np.int8)


def outputs(size: int, pads: tuple[int, int], taps: int, stride: int, dilation: int) -> int:
    return (size + sum(pads) - (taps - 1) * dilation - 1) // stride + 1


def make(
    seed: int,
    image: tuple[int, int, int],
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    depthwise: bool = False,
    activation: tuple[float, float] | None = None,
    largest: int = 127,
    shift: int = 8,
    output_zero_point: int = 0,
    limits: tuple[int, int] | None = None,
) -> Conv2d:
    random = np.random.default_rng(seed)
    height = outputs(image[0], pads[::2], kernel[0], strides[0], dilations[0])
    width = outputs(image[1], pads[1::2], kernel[1], strides[1], dilations[1])
    groups = image[2] if depthwise else 1
    shape = (channels, *kernel, image[2] // groups)
    weights = contents(seed, shape, -largest, largest)
    bias = random.integers(-(2**14), 2**14, channels).astype(np.int32)
    x = Tensor("x", (1, *image), "int8", 0.125, 0, limits=limits)
    y = Tensor("y", (1, height, width, channels), "int8", 0.0625, output_zero_point)
    scale = np.full(channels, y.scale / x.scale * 2.0**-shift, np.float32)
    return Conv2d((x,), (y,), ("node",), weights, scale, bias, strides, pads, dilations, groups, activation)


def run(node: Conv2d | Gemm, seed: int, kernel: str):
    """Checks the kernel of the name `kernel`, where it is the one that the backend chooses."""
    call = lower(node, TARGET)
    assume(call.function == f"espdl_s3_{kernel}_s8")
    (x,) = node.inputs
    return check(call, contents(seed // 7, x.shape, *(x.limits or (-128, 127))))


@st.composite
def convolutions(draw: st.DrawFn, inputs: st.SearchStrategy[int], channels: st.SearchStrategy[int], **fixed) -> Conv2d:
    kernel = fixed.pop("kernel", None) or (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    down, across = fixed.pop("dilations", (None, None))
    dilations = (down or draw(st.integers(1, 2)), across or draw(st.integers(1, 3)))
    pads = tuple(draw(st.integers(0, 3)) for _ in range(4))
    pads = fixed.pop("pads", pads)
    strides = fixed.pop("strides", None) or (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    size = fixed.pop("size", None) or (draw(st.integers(1, 9)), draw(st.integers(1, 12)))
    image = (*size, draw(inputs))
    depthwise = fixed.pop("depthwise", False)
    assume(all(outputs(image[i], pads[i::2], kernel[i], strides[i], dilations[i]) > 0 for i in range(2)))
    return make(
        draw(seeds),
        image,
        image[2] if depthwise else draw(channels),
        kernel,
        strides,
        pads,
        dilations,
        depthwise,
        draw(activations),
        largest=draw(st.sampled_from([3, 8])),
        shift=fixed.pop("shift", None) or draw(st.integers(0, 12)),
        output_zero_point=draw(st.sampled_from([0, 0, -128, 5])),
        **fixed,
    )


any_channels = st.one_of(st.sampled_from([16, 32]), st.integers(1, 40))


@given(convolutions(st.sampled_from([16, 32, 80]), any_channels), seeds)
@examples
def test_aligned(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_aligned")


@given(convolutions(st.integers(1, 44), any_channels), seeds)
@examples
def test_bytes(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_bytes")


@given(convolutions(st.integers(1, 8), any_channels), seeds)
@examples
def test_narrow(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_narrow")


# More columns than wait in scratch memory at once.
sizes = st.tuples(st.integers(1, 3), st.integers(50, 120))
INPUTS = {"aligned": st.just(16), "bytes": st.integers(9, 20), "narrow": st.integers(1, 4)}


def wide(kernel: str) -> st.SearchStrategy[Conv2d]:
    return sizes.flatmap(lambda s: convolutions(INPUTS[kernel], st.integers(1, 40), size=s, strides=(1, 1)))


@pytest.mark.parametrize("kernel", INPUTS)
@given(st.data(), seeds)
@settings(examples, max_examples=max(1, EXAMPLES // 5))
def test_rows_of_many_columns(kernel: str, data: st.DataObject, seed: int) -> None:
    run(data.draw(wide(kernel)), seed, f"conv2d_{kernel}")


turned = st.tuples(st.integers(4, 14), st.integers(3, 4)).flatmap(
    lambda kernel: convolutions(
        st.integers(1, 14 // kernel[0]), st.sampled_from([32, 64, 96]), kernel=kernel, dilations=(1, None)
    )
)


@given(turned, seeds)
@examples
def test_turned(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_turned")


def with_channels_first(node: Conv2d) -> Conv2dPlanar:
    (x,) = node.inputs
    planes = replace(x, name="planes", shape=tuple(x.shape[i] for i in (0, 3, 1, 2)))
    return Conv2dPlanar((planes,), node.outputs, node.source_nodes, node)


@pytest.mark.parametrize("kernel", ["bytes", "narrow", "turned"])
@given(st.one_of(convolutions(st.integers(1, 24), any_channels), turned), seeds, st.integers(0, 15))
@examples
def test_channels_first(kernel: str, node: Conv2d, seed: int, shift: int) -> None:
    """As the permutation and the convolution one after the other, with bands of some rows."""
    planar = with_channels_first(node)
    call = select(planar, TARGET).call
    assume(call is not None and call.function == f"espdl_s3_conv2d_planar_{kernel}_s8")
    values = contents(seed // 7, planar.inputs[0].shape, *(node.inputs[0].limits or (-128, 127)))
    check_bands(call, values, shift)


def check_bands(call: KernelCall, values: np.ndarray, shift: int) -> None:
    """Of channels first, that begin `shift` bytes behind a multiple of 16; in small bands too."""
    check(call, values)
    check(replace(call, overlaps=()), values, shift=(shift, 0))
    p = call.params
    small = 16 // math.gcd(16, p.output_width * p.output_channels)
    if "turned" not in call.function and small < p.band:
        check(replace(call, params=replace(p, band=small), overlaps=()), values)


@given(convolutions(st.integers(1, 3), st.sampled_from([1, 2, 4, 8]), dilations=(None, 1)), seeds)
@examples
def test_narrow_with_pixels_joined(node: Conv2d, seed: int) -> None:
    assume(lower(node, TARGET).params.pixels > 1)
    run(node, seed, "conv2d_narrow")


@given(
    convolutions(st.sampled_from([8, 16, 32, 48, 64]), st.sampled_from([16, 32, 64]), kernel=(1, 1), pads=(0, 0, 0, 0)),
    seeds,
)
@examples
def test_pointwise(node: Conv2d, seed: int) -> None:
    run(node, seed, "conv2d_pointwise")


@given(convolutions(st.integers(1, 40), st.none(), depthwise=True), seeds)
@examples
def test_depthwise(node: Conv2d, seed: int) -> None:
    assume(node.groups > 1)
    run(node, seed, "depthwise")


@given(convolutions(st.sampled_from([8, 16, 32]), st.none(), depthwise=True, kernel=(3, 3), dilations=(None, 1)), seeds)
@examples
def test_depthwise_3x3(node: Conv2d, seed: int) -> None:
    run(node, seed, "depthwise")


@given(
    st.integers(1, 9), st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), activations, seeds
)
@examples
def test_depthwise_with_pixels_joined(
    height: int, half: int, rows: int, columns: int, pad: int, activation, seed: int
) -> None:
    image, kernel = (height, 2 * half, 8), (rows, columns)
    node = make(
        seed, image, 8, kernel, pads=(rows // 2, pad, rows // 2, columns - 1), depthwise=True, activation=activation
    )
    assume(lower(node, TARGET).params.pixels == 2)
    run(node, seed, "depthwise")


@given(convolutions(st.integers(2, 40), st.none(), depthwise=True), st.integers(0, 4000), seeds)
@examples
def test_depthwise_with_less_scratch(node: Conv2d, room: int, seed: int) -> None:
    """However small the bands: as much as is allowed, or a window."""
    call = lower(node, TARGET)
    assume(call.function == "espdl_s3_depthwise_s8")
    less, least = (within_scratch(call, limit) for limit in (room, 0))
    assert least.params.band == 1
    assert less.scratch_bytes <= max(room, least.scratch_bytes)
    check(less, contents(seed // 7, node.inputs[0].shape))


def heavy(node: Conv2d, seed: int, weight: int = 127, bias: int = 2**19) -> Conv2d:
    """The same shape with sums that 20 bits do not hold."""
    weights = np.where(node.weights < 0, -weight, weight).astype(np.int8)
    return replace(node, weights=weights, bias=node.bias + bias * (1 - 2 * (seed % 2)))


@given(convolutions(any_channels, st.integers(1, 20)), seeds)
@examples
def test_wide(node: Conv2d, seed: int) -> None:
    run(heavy(node, seed), seed, "conv2d_wide")


@given(
    st.one_of(
        convolutions(st.sampled_from([32, 48, 128]), st.integers(1, 20), kernel=(3, 3), dilations=(1, 1)),
        convolutions(st.sampled_from([192, 256]), st.sampled_from([16, 32]), kernel=(1, 1), pads=(0, 0, 0, 0)),
        convolutions(st.one_of(st.sampled_from([16, 32]), st.integers(5, 70)), any_channels),
    ),
    st.floats(1.05, 6.0),
    st.integers(0, 2**20),
    seeds,
)
@examples
def test_sums_in_parts(node: Conv2d, excess: float, steps: int, seed: int) -> None:
    """Sums of up to `excess` times what lanes hold, another factor in every group of channels."""
    weight = np.minimum(127, max(1, int(excess * 4096 / node.weights[0].size)) >> (steps >> np.arange(40) // 16 & 1))
    weights = np.where(node.weights < 0, -1, 1) * weight[: len(node.weights), None, None, None]
    node = replace(node, weights=weights.astype(np.int8))
    call = lower(node, TARGET)
    assume("_wide_" not in call.function and call.params.parts > 1)
    assert call.notes == (f"some sum may leave the 20 bits of a lane: computed in {call.params.parts} parts",)
    for low, high in ((-128, 127), (127, 127), (-128, -128)):
        check(call, contents(seed // 7, node.inputs[0].shape, low, high))


def test_parts_behind_a_group_whose_sums_are_whole() -> None:
    """Of 3 x 3 taps of 16 channels: the block for whole sums uses registers that hold the masks of parts."""
    node = make(7, (6, 6, 16), 32, (3, 3), pads=(1, 1, 1, 1), shift=10)
    weights = np.where(node.weights < 0, -1, 1) * np.where(np.arange(32) < 16, 3, 60)[:, None, None, None]
    call = lower(replace(node, weights=weights.astype(np.int8)), TARGET)
    assert call.params.parts > 1
    assert call.constant("parts")[[0, 16], 0].astype(bool).tolist() == [False, True]
    check(call, contents(7, node.inputs[0].shape))


@given(
    convolutions(st.sampled_from([16, 32, 128]), st.sampled_from([16, 48]), dilations=(None, 1)),
    st.booleans(),
    st.sampled_from([(0, 0, 0), (1, 0, 0), (0, 2, -128), (1, 1, 3)]),
    st.booleans(),
    seeds,
)
@examples
def test_with_a_sum_behind(node: Conv2d, split: bool, add: tuple[int, int, int], swapped: bool, seed: int) -> None:
    weight = max(1, int(1.3 * 4096 / node.weights[0].size))
    node = replace(heavy(node, seed, min(weight, 127), 0) if split else node, activation=None)
    (inner,) = node.outputs
    inner = replace(inner, zero_point=0)
    finer, coarser, zero_point = add
    residual = replace(inner, name="residual", scale=inner.scale * 2.0**-finer)
    y = replace(inner, name="y", scale=inner.scale * 2.0**coarser, zero_point=zero_point)
    terms = (residual, inner) if swapped else (inner, residual)
    conv = replace(node, outputs=(inner,))
    both = Conv2dAdd((*conv.inputs, residual), (y,), ("node",), conv, Add(terms, (y,), (), (0.0, INFINITE)))
    assume(not swapped and select(both, TARGET).backend == "esp32s3")
    call = lower(both, TARGET)
    check(call, contents(seed // 7, conv.inputs[0].shape), contents(seed // 5, residual.shape))


@pytest.mark.parametrize("kernel", ["aligned", "narrow", "bytes", "wide"])
@given(st.data(), st.integers(1, 5), st.integers(1, 50), activations, seeds)
@examples
def test_matrix_products(kernel: str, data: st.DataObject, rows: int, outputs: int, activation, seed: int) -> None:
    sizes = {"aligned": st.sampled_from([16, 48, 160]), "narrow": st.integers(1, 15)}
    inputs = data.draw(sizes.get(kernel, st.integers(17, 70)))
    random = np.random.default_rng(seed)
    x = Tensor("x", (rows, inputs), "int8", 0.5)
    y = Tensor("y", (rows, outputs), "int8", 0.25)
    bias = random.integers(-(2**14), 2**14, outputs).astype(np.int32) + 2**19 * (kernel == "wide")
    weights = contents(seed, (outputs, inputs), -8, 8)
    scale = np.full(outputs, 2.0 ** -data.draw(st.integers(1, 10)), np.float32)
    node = Gemm((x,), (y,), ("node",), weights, scale, bias, activation)
    run(node, seed, f"gemm_{kernel}")


@given(st.sampled_from([192, 384, 640]), st.integers(1, 40), st.integers(1, 2), st.floats(1.05, 2.6), seeds)
@examples
def test_matrix_products_in_parts(inputs: int, outputs: int, rows: int, excess: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = Tensor("x", (rows, inputs), "int8", 0.5), Tensor("y", (rows, outputs), "int8", 0.25)
    weight = int(excess * 4096 / inputs)
    weights = random.choice([-weight, weight], (outputs, inputs)).astype(np.int8)
    bias = random.integers(-(2**14), 2**14, outputs).astype(np.int32)
    node = Gemm((x,), (y,), ("node",), weights, np.full(outputs, 2.0**-10, np.float32), bias, None)
    call = lower(node, TARGET)
    assume(call.params.parts > 1)
    for low, high in ((-128, 127), (127, 127), (-128, -128)):
        check(call, contents(seed // 7, x.shape, low, high))


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_may_reach_the_ends_of_20_bits_but_not_leave_them(sign: int) -> None:
    """A sum of exactly the largest value stays in the lanes; one more goes to 40 bits; both are exact."""
    node = make(1, (1, 1, 16), 16, (1, 1), shift=12)
    weights = np.full((16, 1, 1, 16), 127, np.int8)
    extreme = 127 if sign > 0 else -128
    room = (2**19 - 1 if sign > 0 else -(2**19)) - 16 * 127 * extreme - 2**11
    values = np.full((1, 1, 1, 16), extreme, np.int8)
    for beyond, function in ((0, "espdl_s3_conv2d_pointwise_s8"), (sign, "espdl_s3_conv2d_wide_s8")):
        call = lower(replace(node, weights=weights, bias=np.full(16, room + beyond, np.int32)), TARGET)
        assert call.function == function
        assert bool(call.notes) == bool(beyond)
        check(call, values)


def test_inputs_that_are_never_negative_give_more_room() -> None:
    weights = np.tile(np.array([127, -127], np.int8), 24).reshape(1, 1, 1, 48).repeat(16, 0)
    plain = replace(make(1, (1, 1, 48), 16, (1, 1)), weights=weights)
    (x,) = plain.inputs
    assert lower(plain, TARGET).function == "espdl_s3_conv2d_aligned_s8"  # in parts
    call = lower(replace(plain, inputs=(replace(x, limits=(0, 127)),)), TARGET)
    assert call.function == "espdl_s3_conv2d_pointwise_s8"
    check(call, np.where(weights[:1] > 0, 127, 0).astype(np.int8))


def test_zero_points_without_a_border() -> None:
    node = make(3, (4, 4, 16), 16, (2, 2), output_zero_point=-128)
    node = replace(
        node, inputs=(replace(node.inputs[0], zero_point=-128),), bias=node.bias * 0, weights=node.weights // 4
    )
    check(lower(node, TARGET), contents(3, (1, 4, 4, 16)))


def reasons(node: Conv2d | Gemm, target=TARGET) -> str:
    return select(node, target).declined[0]


def test_declines_with_reasons() -> None:
    node = make(1, (8, 8, 16), 16, (3, 3), pads=(1, 1, 1, 1))
    x = node.inputs[0]
    depthwise = make(1, (8, 8, 16), 16, (3, 3), pads=(1, 1, 1, 1), depthwise=True)
    assert "would have to hold -128" in reasons(replace(depthwise, inputs=(replace(x, zero_point=-128),)))
    numbers = replace(depthwise, border=np.arange(16, dtype=np.int8))
    assert "would have to hold 0 to 15" in reasons(numbers)
    assert "number for each channel" in select(numbers, TARGET).declined[1]
    assert "both sides" in reasons(replace(make(1, (1, 1, 16), 16, (3, 3), pads=(1, 1, 1, 1)), border=numbers.border))
    assert "2 different shifts" in reasons(replace(node, weights_scale=node.weights_scale * np.float32([1] * 15 + [2])))
    assert "2**-shift" in reasons(replace(node, weights_scale=node.weights_scale * np.float32(1.5)))
    assert "shift of 21" in reasons(replace(node, weights_scale=node.weights_scale * np.float32(2**-13)))
    assert "rounded half up" in reasons(node, replace(TARGET, rounding="ESPDL_ROUND_HALF_EVEN"))
    assert "2 groups" in reasons(replace(node, weights=node.weights[..., :8], groups=2))
    heavy = make(1, (8, 8, 16), 16, (3, 3), depthwise=True)
    assert "20 bits" in reasons(replace(heavy, bias=heavy.bias + 2**19))


@pytest.mark.parametrize("dilation", [1, 3])
def test_one_column_of_taps_has_no_dilation(dilation: int) -> None:
    """Two outputs that are computed as one read neighbours, whatever a file says of taps that are not there."""
    node = make(1, (4, 8, 3), 8, (2, 1), dilations=(1, dilation), largest=3)
    run(node, 1, "conv2d_narrow")
