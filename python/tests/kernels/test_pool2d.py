# SPDX-License-Identifier: CC0-1.0
"""Max and average pooling: C against the references, the references against windows cut out one by one."""

from __future__ import annotations

import numpy as np
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import activation_range
from espdl.plan.types import Tensor


@st.composite
def windows(draw: st.DrawFn) -> dict:
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    pads = tuple(draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4))
    image = draw(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)))
    ceil = draw(st.booleans())
    output = []
    for i in range(2):
        room = image[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1
        assume(room >= 0)
        count = room // strides[i] + 1
        # ceil_mode: one more window where it still begins inside the input or its leading border.
        if ceil and room % strides[i] and count * strides[i] < image[i] + pads[i]:
            count += 1
        output.append(count)
    return {
        "image": image,
        "output": tuple(output),
        "window": {"kernel": kernel, "strides": strides, "pads": pads, "dilations": dilations},
    }


def cut(image: np.ndarray, w: dict, oy: int, ox: int) -> tuple[list[np.ndarray], int]:
    """The pixels of one window inside the image, and how many of its taps lie inside image and border."""
    kernel, strides, pads, dilations = (w["window"][k] for k in ("kernel", "strides", "pads", "dilations"))
    pixels, padded = [], 0
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            row = oy * strides[0] - pads[0] + ky * dilations[0]
            column = ox * strides[1] - pads[1] + kx * dilations[1]
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                pixels.append(image[row, column])
            padded += row < image.shape[0] + pads[2] and column < image.shape[1] + pads[3]
    return pixels, padded


@runs("espdl_max_pool2d_s8")
@given(st.data(), windows(), shifts)
@examples
def test_max_pool(data: st.DataObject, w: dict, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", (1, *w["image"]), target))
    y = Tensor("y", (1, *w["output"], w["image"][2]), "int8", x.scale, x.zero_point)
    node = MaxPool2d((x,), (y,), (), activation=data.draw(activations), **w["window"])
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, target), values, shift=shift)
    low, high = activation_range(node.activation, y)
    for oy, ox in np.ndindex(*w["output"]):
        pixels, _ = cut(values[0], w, oy, ox)
        expected = np.clip(np.max(pixels, axis=0), low, high) if pixels else low
        np.testing.assert_array_equal(result[0, oy, ox], expected)


@runs("espdl_average_pool2d_s8")
@given(st.data(), windows(), st.booleans(), shifts)
@examples
def test_average_pool(data: st.DataObject, w: dict, include: bool, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", (1, *w["image"]), target))
    y = data.draw(tensors("y", (1, *w["output"], w["image"][2]), target))
    node = AveragePool2d(
        (x,),
        (y,),
        (),
        w["image"],
        w["output"],
        count_include_pad=include,
        activation=data.draw(activations),
        **w["window"],
    )
    assume(select(node, target).call is not None)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, target), values, shift=shift)
    low, high = activation_range(node.activation, y)
    for oy, ox in np.ndindex(*w["output"]):
        pixels, padded = cut(values[0].astype(np.float64) - x.zero_point, w, oy, ox)
        mean = np.sum(pixels, axis=0) / (padded if include else len(pixels))
        exact = mean * np.float32(x.scale) / np.float64(np.float32(y.scale)) + y.zero_point
        # TFLite's two roundings can miss the nearest integer by a little, more where the ratio is large.
        assert np.abs(np.clip(exact, low, high) - result[0, oy, ox]).max() <= 0.75 + 2.0**-18 * x.scale / y.scale


@runs()  # its results have one row
@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), shifts)
@examples
def test_mean_of_all_pixels(data: st.DataObject, height: int, width: int, channels: int, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", (1, height, width, channels), target))
    y = data.draw(tensors("y", (1, 1, 1, channels), target))
    node = AveragePool2d(
        (x,), (y,), (), x.shape[1:], (1, 1), (height, width), (1, 1), (0, 0, 0, 0), (1, 1), False, None
    )
    assume(select(node, target).call is not None)
    check(lower(node, target), data.draw(contents(x.shape)), shift=shift)


def test_declines_an_empty_window() -> None:
    x, y = (Tensor(n, (1, 1, 1, 1), "int8", 0.5) for n in "xy")
    node = AveragePool2d((x,), (y,), (), (1, 1, 1), (1, 1), (1, 1), (1, 1), (1, 1, 1, 1), (1, 1), False, None)
    assert "outside the input" in select(node, TARGETS[0]).declined[0]
