# SPDX-License-Identifier: CC0-1.0
"""16-bit activations: C against the references bit for bit, the references against real arithmetic."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from harness import EXAMPLES, check, examples, runs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import TARGETS, activations, shifts
from test_conv2d import convolutions
from test_pool2d import cut, windows

from espdl.backends import lower, select
from espdl.ops import pieces
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.dequantize import Dequantize
from espdl.ops.extremes import Maximum
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import FUNCTIONS, LEAKY_RELU, Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import activation_range, int16_multiplier, scale_int16
from espdl.ops.quantize import Quantize
from espdl.ops.rescale import Rescale
from espdl.ops.rescale_channels import RescaleChannels
from espdl.ops.softmax import Softmax
from espdl.plan.types import Tensor

TARGET = TARGETS[0]
scales = st.floats(-16, 0).map(lambda e: float(np.float32(2.0**e)))


@st.composite
def contents(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """int16 of `shape`: uniform, small, or only the extremes."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["uniform", "small", "extremes"]))
    if kind == "extremes":
        return random.choice([-32768, 32767], shape).astype(np.int16)
    most = 32768 if kind == "uniform" else 50
    return random.integers(-most, most, shape).astype(np.int16)


def wide(tensor: Tensor) -> Tensor:
    return replace(tensor, dtype="int16", zero_point=0, scale=float(np.float32(tensor.scale / 256)))


def steps_off(y: Tensor, result: np.ndarray, exact: np.ndarray, activation) -> float:
    """The largest distance from the exact value in steps of `y`, saturation applied to both."""
    ideal = exact / np.float64(np.float32(y.scale)) + y.zero_point
    return float(np.abs(np.clip(ideal, *activation_range(activation, y)) - result).max())


@runs("espdl_conv2d_s16")
@given(st.data(), st.booleans(), shifts)
@examples
def test_convolution(data: st.DataObject, depthwise: bool, shift: int) -> None:
    narrow = data.draw(convolutions(TARGET, depthwise))
    values = {f.name: getattr(narrow, f.name) for f in fields(narrow)}
    values.update(inputs=tuple(map(wide, narrow.inputs)), outputs=tuple(map(wide, narrow.outputs)))
    node = Conv2d(**values)
    assume(select(node, TARGET).call is not None)
    check(lower(node, TARGET), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_conv2d_s16")
@given(st.data(), st.integers(1, 4), st.sampled_from([1, 7, 300, 700]), st.integers(1, 9), shifts)
@examples
def test_product(data: st.DataObject, rows: int, inputs: int, outputs: int, shift: int) -> None:
    """Rows longer than what 32 bits can sum are among them."""
    x, y = Tensor("x", (rows, inputs), "int16", 2.0**-12), Tensor("y", (rows, outputs), "int16", data.draw(scales))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weights = random.choice([-128, 127, 3], (outputs, inputs)).astype(np.int8)
    bias = random.integers(-(2**31), 2**31, outputs).astype(np.int32)
    activation = data.draw(activations)
    node = Gemm((x,), (y,), (), weights, np.full(outputs, 2.0**-9, np.float32), bias, activation)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, TARGET), values, shift=shift)
    exact = (values.astype(np.float64) @ weights.T.astype(np.float64) + bias) * 2.0**-21
    assert steps_off(y, result.reshape(y.shape), exact, activation) <= 0.501


@runs("espdl_add_s16")
@given(st.data(), st.integers(1, 70), shifts)
@examples
def test_add(data: st.DataObject, count: int, shift: int) -> None:
    a, b, y = (Tensor(n, (1, count), "int16", data.draw(scales)) for n in "aby")
    node = Add((a, b), (y,), (), data.draw(activations))
    va, vb = data.draw(contents(a.shape)), data.draw(contents(b.shape))
    (result,) = check(lower(node, TARGET), va, vb, shift=shift)
    assert steps_off(y, result, va * np.float64(a.scale) + vb * np.float64(b.scale), node.activation) <= 0.501


@runs("espdl_average_pool2d_s16")
@given(st.data(), windows(), st.booleans(), shifts)
@examples
def test_average_pool(data: st.DataObject, w: dict, include: bool, shift: int) -> None:
    x = Tensor("x", (1, *w["image"]), "int16", 2.0**-12)
    y = Tensor("y", (1, *w["output"], w["image"][2]), "int16", data.draw(st.sampled_from([2.0**-12, 0.0003])))
    activation = data.draw(activations)
    node = AveragePool2d(
        (x,), (y,), (), w["image"], w["output"], count_include_pad=include, activation=activation, **w["window"]
    )
    assume(select(node, TARGET).call is not None)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, TARGET), values, shift=shift)
    exact = np.zeros(y.shape)
    for oy, ox in np.ndindex(w["output"]):
        pixels, padded = cut(values[0], w, oy, ox)
        exact[0, oy, ox] = np.sum(pixels, axis=0, dtype=np.float64) / (padded if include else len(pixels))
    assert steps_off(y, result, exact * x.scale, activation) <= 0.501


@runs("espdl_max_pool2d_s16")
@given(st.data(), windows(), shifts)
@examples
def test_max_pool(data: st.DataObject, w: dict, shift: int) -> None:
    x = Tensor("x", (1, *w["image"]), "int16", 2.0**-12)
    y = Tensor("y", (1, *w["output"], w["image"][2]), "int16", 2.0**-12)
    node = MaxPool2d((x,), (y,), (), activation=data.draw(activations), **w["window"])
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, TARGET), values, shift=shift)
    low, high = activation_range(node.activation, y)
    for oy, ox in np.ndindex(w["output"]):
        pixels, _ = cut(values[0], w, oy, ox)
        expected = np.max(pixels, axis=0) if pixels else np.full(x.shape[3], low)
        np.testing.assert_array_equal(result[0, oy, ox], np.clip(expected, low, high))


@runs("espdl_softmax_s16")
@given(st.data(), st.integers(1, 4), st.integers(1, 40), st.floats(-14, -6), shifts)
@examples
def test_softmax(data: st.DataObject, rows: int, length: int, exponent: float, shift: int) -> None:
    x = Tensor("x", (rows, length), "int16", float(np.float32(2.0**exponent)))
    y = Tensor("y", (rows, length), "int16", 2.0**-15)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(Softmax((x,), (y,), (), length), TARGET), values, shift=shift)
    real = values * np.float64(x.scale)
    powers = np.exp(real - real.max(axis=1, keepdims=True))
    exact = np.minimum(powers / powers.sum(axis=1, keepdims=True) * 2**15, 32767)
    assert np.abs(result - exact).max() <= 1.0


@runs("espdl_lookup_s16")
@given(st.data(), st.integers(1, 70), scales, shifts, st.sampled_from([None, LEAKY_RELU, *FUNCTIONS]))
@settings(examples, max_examples=EXAMPLES // 2)
def test_lookup(data: st.DataObject, count: int, scale: float, shift: int, function: str | None) -> None:
    x, y = Tensor("x", (1, count), "int16", scale), Tensor("y", (1, count), "int16", data.draw(scales))
    node = Lookup((x,), (y,), (), function, 0.1, data.draw(activations))
    assume(select(node, TARGET).call is not None)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, TARGET), values, shift=shift)
    expected = node.table().astype(np.int64)[values.astype(np.int64) + 32768]
    assert np.abs(result - expected).max() <= 1


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.floats(0, 3))
@settings(examples, max_examples=EXAMPLES // 4)
def test_pieces_are_near_everywhere(seed: int, jumps: int, roughness: float) -> None:
    """Random walks with jumps, all 65,536 values of them."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal(size=65536) * roughness)
    for place in random.integers(0, 65536, jumps):
        walk[place:] += random.integers(-30000, 30000)
    exact = np.clip(np.rint(walk), -32768, 32767).astype(np.int16)
    fitted = pieces.fit(exact)
    assume(pieces.too_uneven(fitted) is None)
    got = pieces.evaluate(np.arange(-32768, 32768), fitted.blocks, fitted.entries).astype(np.int64)
    assert np.abs(got - exact).max() <= 1


@pytest.mark.parametrize(
    ("function", "scale", "most"),
    [("relax.sigmoid", 2.0**-10, 800), ("relax.tanh", 2.0**-13, 1300), (LEAKY_RELU, 2.0**-12, 131)],
)
def test_smooth_functions_take_few_entries(function: str, scale: float, most: int) -> None:
    x, y = Tensor("x", (1, 4), "int16", scale), Tensor("y", (1, 4), "int16", 2.0**-15)
    count = len(pieces.fit(Lookup((x,), (y,), (), function, 0.1, None).table()).entries)
    assert count < most


def test_functions_that_jump_everywhere_are_declined() -> None:
    x, y = Tensor("x", (1, 4), "int16", 2.0**-8), Tensor("y", (1, 4), "int16", 2.0**-8)
    (reason,) = select(Lookup((x,), (y,), (), "relax.floor", 0.0, None), TARGET).declined
    assert "jumps or bends too often" in reason


@runs("espdl_dequantize_s16", "espdl_quantize_s16")
@given(st.data(), st.integers(1, 40), shifts)
@examples
def test_borders(data: st.DataObject, count: int, shift: int) -> None:
    real, steps = Tensor("x", (1, count), "float32"), Tensor("y", (1, count), "int16", data.draw(scales))
    special = st.sampled_from([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, 1e-45])
    ties = st.integers(-40000, 40000).map(lambda k: (k + 0.5) * steps.scale)
    values = st.lists(st.one_of(special, ties, st.floats(-2, 2, width=32)), min_size=count, max_size=count)
    x = np.float32(data.draw(values)).reshape(real.shape)
    (result,) = check(lower(Quantize((real,), (steps,), ()), TARGET), x, shift=shift)
    assert (result[np.isnan(x)] == 0).all()
    check(lower(Dequantize((steps,), (real,), ()), TARGET), result, shift=shift)


WIDTHS = [("int8", "int16"), ("int16", "int8"), ("int16", "int16"),
          ("uint8", "int16"), ("uint16", "int8"), ("uint16", "int16")]  # fmt: skip


def of_widths(name: str) -> list[str]:
    return [f"espdl_{name}_{x.replace('uint', 'u').replace('int', 's')}_s{y[3:]}" for x, y in WIDTHS]


@runs(*of_widths("rescale"))
@given(st.data(), st.integers(1, 60), st.sampled_from(WIDTHS), shifts)
@examples
def test_rescale(data: st.DataObject, count: int, kinds: tuple[str, str], shift: int) -> None:
    """The integers of an input, which come in all widths, may have any zero point."""

    def tensor(name: str, dtype: str) -> Tensor:
        info = np.iinfo(dtype)
        any_zero = name == "x" or dtype == "int8"
        zero_point = data.draw(st.integers(int(info.min), int(info.max))) if any_zero else 0
        return Tensor(name, (1, count), dtype, data.draw(scales), zero_point)

    x, y = tensor("x", kinds[0]), tensor("y", kinds[1])
    values = data.draw(contents(x.shape))
    values = (values >> 8 if kinds[0].endswith("t8") else values).astype(kinds[0])
    (result,) = check(lower(Rescale((x,), (y,), ()), TARGET), values, shift=shift)
    exact = (values.astype(np.float64) - x.zero_point) * np.float64(x.scale)
    assert steps_off(y, result, exact, None) <= 0.501


@runs(*of_widths("rescale_channels"))
@given(st.data(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 7), st.sampled_from(WIDTHS), shifts)
@examples
def test_rescale_channels(
    data: st.DataObject, outer: int, channels: int, inner: int, kinds: tuple[str, str], shift: int
) -> None:
    """A factor and an offset per channel, channels first or last, of integers that mean themselves."""
    shape, random = (1, outer, channels, inner), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = Tensor("x", shape, kinds[0])
    zero_point = data.draw(st.integers(-128, 127)) if kinds[1] == "int8" else 0
    y = Tensor("y", shape, kinds[1], data.draw(scales), zero_point)
    reach = y.scale * np.iinfo(y.dtype).max / np.iinfo(x.dtype).max
    factor = (random.normal(size=channels) * reach * 4.0 ** random.integers(-9, 2)).astype(np.float32)
    offset = (random.normal(size=channels) * y.scale * 100).astype(np.float32)
    values = data.draw(contents(shape))
    values = (values >> 8 if kinds[0].endswith("t8") else values).astype(kinds[0])
    node = RescaleChannels((x,), (y,), (), factor, offset, 2)
    (result,) = check(lower(node, TARGET), values, shift=shift)
    exact = values.astype(np.float64) * factor[:, np.newaxis] - offset[:, np.newaxis]
    assert steps_off(y, result, exact, None) <= 0.57


@given(st.floats(2.0**-30, 2.0**6), st.integers(1, 2**45), st.integers(0, 2**32 - 1))
@examples
def test_scaling_is_near_the_ratio(ratio: float, bound: int, seed: int) -> None:
    multiplier, shift = int16_multiplier(ratio, bound)
    assert abs(multiplier * 2.0**-shift - ratio) <= ratio * 2.0**-16
    values = np.random.default_rng(seed).integers(-bound, bound + 1, 20)
    exact = [(int(v) * multiplier + (1 << (shift - 1))) >> shift for v in values]
    assert scale_int16(values, np.int64(multiplier), np.int64(shift)).tolist() == exact


def test_ratios_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="leaves 64 bits"):
        int16_multiplier(0.5, 2**50)
    with pytest.raises(ValueError, match="positive"):
        int16_multiplier(0.0, 1)


def test_kernels_are_asked_about_their_widths_only() -> None:
    a, b, y = (Tensor(n, (1, 4), "int16", 0.5) for n in "aby")
    assert select(Add((a, b), (y,), (), None), TARGET).call is not None
    maximum = Maximum((a, b), (y,), (), a, b, None, False, None)
    assert select(maximum, TARGET).declined == ("portable: its kernel takes int8, not int16",)
    mixed = Add((a, b), (replace(y, dtype="int8"),), (), None)
    assert select(mixed, TARGET).declined == ("portable: its kernel takes int8 or int16, not int16 and int8",)
    shifted = Add((a, replace(b, zero_point=1)), (y,), (), None)
    assert select(shifted, TARGET).declined == ("portable: tensor 'b' of 16 bits has the zero point 1",)
