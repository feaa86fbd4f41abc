# SPDX-License-Identifier: CC0-1.0
"""Sums and pools on the vector unit against their references, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from vector_harness import TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.concat import Concat
from espdl.ops.copy import Copy, View
from espdl.ops.flip_sign import FlipSign
from espdl.ops.gather import Gather
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.pad import Pad, Side
from espdl.ops.transpose import Transpose
from espdl.plan.types import Tensor

activations = st.sampled_from([None, (0.0, float("inf")), (0.0, 6.0), (-0.5, 0.75)])
seeds = st.integers(0, 2**32 - 1)
zero_points = st.sampled_from([0, 0, -128, 17])
# Where three tensors begin behind a multiple of 16: parts of others begin anywhere.
places = st.one_of(
    st.just((0, 0, 0)), st.integers(0, 15).map(lambda n: (n, n, n)), st.tuples(*[st.integers(0, 15)] * 3)
)


def contents(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.choice([-128, 127], shape) if seed % 3 == 0 else random.integers(-128, 128, shape)
    return values.astype(np.int8)


@given(
    st.integers(1, 100),
    st.tuples(*[st.integers(0, 6)] * 3),
    st.tuples(*[zero_points] * 3),
    activations,
    places,
    seeds,
)
@examples
def test_add(
    count: int, exponents: tuple[int, ...], zeros: tuple[int, ...], activation, shift: tuple[int, ...], seed: int
) -> None:
    a, b, y = (Tensor(n, (1, count), "int8", 2.0**e, z) for n, e, z in zip("aby", exponents, zeros, strict=True))
    node = Add((a, b), (y,), (), activation)
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_add_s8"
    check(call, contents(seed, a.shape), contents(seed // 3, b.shape), shift=shift)


def test_add_declines_with_reasons() -> None:
    a, b = Tensor("a", (1, 16), "int8", 1.0), Tensor("b", (1, 16), "int8", 2.0**-7)
    assert "2**6 apart" in select(Add((a, b), (a,), (), None), TARGET).declined[0]
    to_even = replace(TARGET, rounding="ESPDL_ROUND_HALF_EVEN")
    assert "half up" in select(Add((a, a), (a,), (), None), to_even).declined[0]


@given(st.integers(1, 100), st.booleans(), places, seeds)
@examples
def test_flip_sign(count: int, to_signed: bool, shift: tuple[int, ...], seed: int) -> None:
    dtypes = ("uint8", "int8") if to_signed else ("int8", "uint8")
    x, y = (Tensor(name, (1, count), dtype) for name, dtype in zip("xy", dtypes))
    call = lower(FlipSign((x,), (y,), (), to_signed), TARGET)
    assert call.function == "espdl_s3_flip_sign_8"
    check(call, contents(seed, x.shape).view(x.dtype), shift=shift[:2])


# Shapes of two operands: alike, a vector for all pixels, a value of its own for every pixel's row.
SHAPES = [((1, 5, 7), (1, 5, 7)), ((3, 2, 256), (256,)), ((4, 1, 16), (1, 5, 16)), ((1, 16, 16), (1, 16, 16))]


@given(
    st.sampled_from(SHAPES),
    st.booleans(),
    st.integers(0, 11),
    zero_points,
    activations,
    places,
    seeds,
)
@examples
def test_mul(
    shapes: tuple, constant: bool, exponent: int, zero: int, activation, shift: tuple[int, ...], seed: int
) -> None:
    a, b = (Tensor(n, s, "int8", 0.5) for n, s in zip("ab", shapes, strict=True))
    y = Tensor("y", np.broadcast_shapes(*shapes), "int8", 2.0 ** (exponent - 2), zero)
    values = (contents(seed, a.shape), contents(seed // 3, b.shape))
    inputs, fixed = ((a,), values[1]) if constant else ((a, b), None)
    call = lower(Mul(inputs, (y,), (), a, b, fixed, False, activation), TARGET)
    assert call.function == "espdl_s3_mul_s8"
    check(call, *values[: len(inputs)], shift=shift[::2] if constant else shift)


@given(
    st.integers(1, 4),
    st.one_of(st.integers(2, 70), st.sampled_from([120, 240, 255])),
    st.sampled_from(["left", "right", "constant"]),
    st.integers(0, 11),
    zero_points,
    activations,
    places,
    seeds,
)
@examples
def test_mul_by_channels(
    pixels: int, channels: int, repeated: str, exponent: int, zero: int, activation, shift: tuple[int, ...], seed: int
) -> None:
    """As squeeze and excitation has it."""
    image, gate = (Tensor(n, (1, rows, 3, channels), "int8", 0.5) for n, rows in (("image", pixels), ("gate", 1)))
    gate = replace(gate, shape=(1, 1, 1, channels))
    y = Tensor("y", image.shape, "int8", 2.0 ** (exponent - 2), zero)
    a, b = (gate, image) if repeated == "left" else (image, gate)
    values = contents(seed // 3, b.shape) if repeated == "constant" else None
    inputs = (a,) if repeated == "constant" else (a, b)
    call = lower(Mul(inputs, (y,), (), a, b, values, False, activation), TARGET)
    assert call.function == "espdl_s3_mul_channels_s8"
    images = {"image": contents(seed, image.shape), "gate": contents(seed // 3, gate.shape)}
    check(call, *(images[name] for name in call.inputs), shift=shift[: len(inputs)] + shift[2:])


def test_mul_declines_with_reasons() -> None:
    a, y = Tensor("a", (1, 32), "int8", 0.5), Tensor("y", (1, 32), "int8", 0.5)

    def reason(a: Tensor, b: Tensor, y: Tensor, target=TARGET) -> str:
        return select(Mul((a, b), (y,), (), a, b, None, False, None), target).declined[0]

    assert "zero points -128 and 0" in reason(replace(a, zero_point=-128), a, y)
    assert "shift of 0 .. 11" in reason(a, a, replace(y, scale=2.0**10))
    assert "shift of 0 .. 11" in reason(a, a, replace(y, scale=2.0**-4))
    assert "along the last axis" in reason(a, replace(a, shape=(1, 1)), y)
    ragged, rows = Tensor("a", (4, 2, 20), "int8", 0.5), Tensor("b", (4, 1, 20), "int8", 0.5)
    assert "no whole vectors" in reason(ragged, rows, replace(ragged, name="y"))
    assert "half up" in reason(a, a, y, replace(TARGET, rounding="ESPDL_ROUND_HALF_EVEN"))


units = st.sampled_from([4, 8, 16])


@given(st.integers(1, 5), st.lists(st.integers(1, 6), min_size=2, max_size=8), units, places, seeds)
@examples
def test_concat(outer: int, counts: list[int], unit: int, shift: tuple[int, ...], seed: int) -> None:
    sizes = [unit * count for count in counts]
    parts = tuple(Tensor(f"x{i}", (outer, size), "int8", 0.5) for i, size in enumerate(sizes))
    call = lower(Concat(parts, (Tensor("y", (outer, sum(sizes)), "int8", 0.5),), (), outer), TARGET)
    assert call.function == "espdl_s3_concat"
    values = [contents(seed + i, part.shape) for i, part in enumerate(parts)]
    places = [*(shift[0],) * len(call.inputs), shift[2]]
    check(call, *(values + [values[-1]] * (len(call.inputs) - len(values))), shift=places)


def test_concat_declines_with_reasons() -> None:
    parts = tuple(Tensor(n, (2, size), "int8", 0.5) for n, size in (("a", 16), ("b", 14)))
    node = Concat(parts, (Tensor("y", (2, 30), "int8", 0.5),), (), 2)
    assert "16, 14 bytes" in select(node, TARGET).declined[0]


@given(
    st.lists(st.tuples(*[st.integers(0, 2)] * 2, st.integers(1, 4)), max_size=3),
    st.tuples(*[st.sampled_from([0, 16, 48])] * 2),
    st.sampled_from([16, 64]),
    st.integers(-128, 127),
    seeds,
)
@examples
def test_pad(axes: list[tuple[int, int, int]], border: tuple[int, int], line: int, value: int, seed: int) -> None:
    axes = [*axes, (*border, line)]
    x = Tensor("x", tuple(size for _, _, size in axes), "int8", 0.5)
    y = Tensor("y", tuple(map(sum, axes)), "int8", 0.5)
    node = Pad((x,), (y,), (), tuple(Side(size, before, after) for before, after, size in axes), value)
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_pad_s8"
    check(call, contents(seed, x.shape))


def test_pad_declines_with_reasons() -> None:
    x, y = Tensor("x", (2, 16), "int8", 0.5), Tensor("y", (2, 40), "int8", 0.5)
    node = Pad((x,), (y,), (), (Side(2, 0, 0), Side(16, 16, 8)), 0)
    assert "16 + 16 + 8 bytes" in select(node, TARGET).declined[0]


@st.composite
def gathers(draw: st.DrawFn) -> Gather:
    sizes = (*(draw(st.integers(1, most)) for most in (3, 4, 4)), draw(units) * draw(st.integers(1, 5)))
    rows, columns = (
        np.array(draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=6)), np.int32) for size in sizes[1:3]
    )
    x, y = Tensor("x", sizes, "int8", 0.5), Tensor("y", (sizes[0], len(rows), len(columns), sizes[3]), "int8", 0.5)
    return Gather((x,), (y,), (), sizes, rows, columns)


@given(gathers(), places, seeds)
@examples
def test_gather(node: Gather, shift: tuple[int, ...], seed: int) -> None:
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_gather"
    check(call, contents(seed, node.inputs[0].shape), shift=shift[:2])


@st.composite
def copies(draw: st.DrawFn) -> Copy:
    """Slices and repetitions, of lines that are whole words."""
    unit, dtype = draw(units), draw(st.sampled_from(["int8", "float32"]))
    items = unit * draw(st.integers(1, 4)) // (4 if dtype == "float32" else 1)
    axes, shape, stride = [(items, 1)], [items], items
    for _ in range(draw(st.integers(0, 3))):
        size, step = draw(st.integers(1, 4)), draw(st.sampled_from([1, 1, 2, 0]))
        axes.insert(0, (size, step * stride))
        shape.insert(0, size * step if step else 1)
        stride *= shape[0]
    first = draw(st.integers(0, 2)) * items
    x = Tensor("x", (first // items + stride // items, items), dtype, 0.5)
    return Copy((x,), (Tensor("y", tuple(n for n, _ in axes), dtype, 0.5),), (), View(first, tuple(axes)))


@given(copies(), places, seeds)
@examples
def test_copy(node: Copy, shift: tuple[int, ...], seed: int) -> None:
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_copy"
    check(call, contents(seed, node.inputs[0].shape).astype(node.inputs[0].dtype), shift=shift[:2])


def test_copy_declines_with_reasons() -> None:
    x, y = Tensor("x", (4, 16), "int8", 0.5), Tensor("y", (4, 8), "int8", 0.5)
    for view in (View(0, ((4, 16), (8, 2))), View(2, ((4, 16), (8, 1))), View(0, ((4, 16), (6, 1)))):
        node = Copy((x,), (replace(y, shape=(4, view.axes[1][0])),), (), view)
        assert "no whole words" in select(node, TARGET).declined[0]


def permuted(shape: tuple[int, ...], axes: tuple[int, ...], dtype: str = "int8") -> Transpose:
    y = Tensor("y", tuple(shape[axis] for axis in axes), dtype, 0.5)
    return Transpose((Tensor("x", shape, dtype, 0.5),), (y,), (), axes)


@st.composite
def lines(draw: st.DrawFn) -> Transpose:
    """The last axis stays the last."""
    outer = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axes = (*draw(st.permutations(range(len(outer)))), len(outer))
    dtype = draw(st.sampled_from(["int8", "int16"]))
    return permuted((*outer, draw(units) * draw(st.integers(1, 5))), axes, dtype)


@st.composite
def turned_bytes(draw: st.DrawFn) -> Transpose:
    """The last axis becomes the one before the last, as for heads of attention."""
    batch, rows, heads, columns = (draw(st.sampled_from(sizes)) for sizes in ([1, 3], [16, 48], [1, 4], [16, 32]))
    return permuted((batch, rows, heads, columns), (0, 2, 3, 1))


@given(lines(), seeds)
@examples
def test_transposed_lines(node: Transpose, seed: int) -> None:
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_transpose_lines"
    check(call, contents(seed, node.inputs[0].shape).astype(node.inputs[0].dtype))


@given(turned_bytes(), seeds)
@examples
def test_transposed_bytes(node: Transpose, seed: int) -> None:
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_transpose_bytes"
    check(call, contents(seed, node.inputs[0].shape))


def test_moves_decline_with_reasons() -> None:
    x, one = Tensor("x", (1, 2, 1, 14), "int8", 0.5), np.zeros(1, np.int32)
    node = Gather((x,), (replace(x, name="y", shape=(1, 1, 1, 14)),), (), x.shape, one, one)
    assert "14 bytes" in select(node, TARGET).declined[0]
    for shape, axes in (((3, 4, 14), (1, 0, 2)), ((16, 4, 10), (1, 2, 0)), ((4, 20), (1, 0))):
        assert "no whole vectors" in select(permuted(shape, axes), TARGET).declined[0]


ANY_CHANNELS = (16, 48, 1, 3, 8, 12, 17, 20, 31)


@st.composite
def windows(draw: st.DrawFn, channels: Sequence[int] = (16, 48)) -> dict:
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    strides, dilations = ((draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in range(2))
    pads = tuple(draw(st.integers(0, k - 1)) for k in kernel * 2)
    image = (draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.sampled_from(channels)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    output = tuple((image[i] + pads[i] + pads[i + 2] - reach[i]) // strides[i] + 1 for i in range(2))
    assume(min(output) > 0)
    return {
        "kernel": kernel,
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
        "image": image,
        "output": output,
    }


@given(windows(ANY_CHANNELS), activations, places, seeds)
@examples
def test_max_pool(w: dict, activation, place, seed: int) -> None:
    x = Tensor("x", (1, *w["image"]), "int8", 0.125)
    y = replace(x, name="y", shape=(1, *w["output"], w["image"][2]))
    node = MaxPool2d((x,), (y,), (), w["kernel"], w["strides"], w["pads"], w["dilations"], activation)
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_max_pool2d_s8"
    check(call, contents(seed, x.shape), shift=place[:2])


@given(windows(), zero_points, zero_points, activations, seeds)
@examples
def test_average_pool(w: dict, x_zero: int, y_zero: int, activation, seed: int) -> None:
    x = Tensor("x", (1, *w["image"]), "int8", 0.125, x_zero)
    y = Tensor("y", (1, *w["output"], w["image"][2]), "int8", 0.0625, y_zero)
    node = AveragePool2d(
        (x,), (y,), (), w["image"], w["output"], w["kernel"], w["strides"], w["pads"], w["dilations"], False, activation
    )
    assume(select(node, TARGET).backend is not None)
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_average_pool2d_s8"
    check(call, contents(seed, x.shape))


@given(
    st.sampled_from([(1, 3), (5, 5), (8, 8), (25, 5), (24, 5), (16, 8), (3, 7)]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([(0, 0), (-128, -128), (0, -128)]),
    st.sampled_from([None, (0, 127), (-20, 90)]),
    st.booleans(),
    seeds,
)
@examples
def test_mean_by_vectors(window, finer: int, zeros: tuple[int, int], limits, constant: bool, seed: int) -> None:
    """What lanes of 20 bits divide is the reference's mean; values that are all alike give every quotient."""
    x = Tensor("x", (1, *window, 16), "int8", 0.125, zeros[0], limits=limits)
    y = Tensor("y", (1, 1, 1, 16), "int8", 0.125 / finer, zeros[1])
    node = AveragePool2d((x,), (y,), (), x.shape[1:], (1, 1), window, (1, 1), (0, 0, 0, 0), (1, 1), False, None)
    call = lower(node, TARGET)
    values = np.clip(contents(seed, x.shape), *(limits or (-128, 127)))
    counted = check(call, np.full_like(values, values.flat[0]) if constant else values)
    assert counted.operations < 90 + math.prod(window)


def test_means_of_the_networks_are_divided_by_vectors() -> None:
    for window, finer in (((8, 8), 4), ((24, 5), 4), ((25, 5), 1)):
        x = Tensor("x", (1, *window, 16), "int8", 0.125, -128)
        y = Tensor("y", (1, 1, 1, 16), "int8", 0.125 / finer, -128)
        node = AveragePool2d((x,), (y,), (), x.shape[1:], (1, 1), window, (1, 1), (0, 0, 0, 0), (1, 1), False, None)
        assert lower(node, TARGET).constant("division")[3] > 0, window


@pytest.mark.parametrize("extreme", [-128, 127])
def test_mean_of_the_largest_window(extreme: int) -> None:
    """4095 pixels at the extreme fill the 20 bits of a lane."""
    x = Tensor("x", (1, 63, 65, 16), "int8", 0.5)
    y = replace(x, name="y", shape=(1, 1, 1, 16))
    node = AveragePool2d((x,), (y,), (), x.shape[1:], (1, 1), (63, 65), (1, 1), (0, 0, 0, 0), (1, 1), False, None)
    check(lower(node, TARGET), np.full(x.shape, extreme, np.int8))
    larger = replace(node, image=(64, 64, 16), kernel=(64, 64))
    assert "4096 pixels" in select(larger, TARGET).declined[0]


def test_pools_decline_with_reasons() -> None:
    x = Tensor("x", (1, 8, 8, 12), "int8", 0.5)
    y = replace(x, name="y", shape=(1, 4, 4, 12))
    window = ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    mean = AveragePool2d((x,), (y,), (), (8, 8, 12), (4, 4), *window, False, None)
    assert "12 channels" in select(mean, TARGET).declined[0]
    bordered = replace(mean, image=(8, 8, 16), pads=(1, 1, 1, 1), count_include_pad=True)
    assert "counts the border" in select(bordered, TARGET).declined[0]
