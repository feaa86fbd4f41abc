# SPDX-License-Identifier: CC0-1.0
"""What hypothesis draws for kernel tests: tensors, contents, targets of both schemes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from espdl.plan.types import Tensor
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_TFLITE, Target

TARGETS = tuple(
    Target("generic", ("portable",), "affine" if r == ROUND_TFLITE else "power_of_two", r, True)
    for r in (ROUND_TFLITE, ROUND_HALF_UP, ROUND_HALF_EVEN)
)
targets = st.sampled_from(TARGETS)
shifts = st.integers(0, 15)
activations = st.sampled_from([None, (0.0, float("inf")), (0.0, 6.0), (-0.5, 0.75)])


@st.composite
def contents(draw: st.DrawFn, shape: tuple[int, ...], low: int = -128, high: int = 127) -> np.ndarray:
    """int8 of `shape`: uniform, only the extremes, or one value."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["uniform", "extremes", "one value", "uniform"]))
    if kind == "uniform":
        return random.integers(low, high + 1, shape).astype(np.int8)
    if kind == "extremes":
        return random.choice([low, high], shape).astype(np.int8)
    return np.full(shape, draw(st.sampled_from([low, high, 0, draw(st.integers(low, high))])), np.int8)


@st.composite
def scales(draw: st.DrawFn, target: Target, low: int = -10, high: int = 0) -> float:
    """A float32 scale between 2**low and 2**high; 0.75 times a power of two where ratios must be powers of two."""
    if target.rounding == ROUND_TFLITE:
        return float(np.float32(2.0 ** draw(st.floats(low, high))))
    return 0.75 * 2.0 ** draw(st.integers(low, high))


@st.composite
def zero_points(draw: st.DrawFn, target: Target) -> int:
    if target.rounding == ROUND_TFLITE:
        return draw(st.one_of(st.sampled_from([-128, 127, 0]), st.integers(-128, 127)))
    return draw(st.sampled_from([0, -128]))


@st.composite
def tensors(draw: st.DrawFn, name: str, shape: tuple[int, ...], target: Target, low: int = -8, high: int = 0) -> Tensor:
    """An int8 tensor of `shape` with a scale and zero point that the target's scheme can have."""
    return Tensor(name, shape, "int8", draw(scales(target, low, high)), draw(zero_points(target)))


@st.composite
def biases(draw: st.DrawFn, channels: int, most: int = 2**29) -> np.ndarray:
    """int32 [channels], small as in networks, or so large that sums leave the range of the fast requantisation."""
    largest = min(most, draw(st.sampled_from([2**8, 2**14, 2**20, 2**28, 2**29])))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.integers(-largest, largest, channels).astype(np.int32)


@st.composite
def channel_scales(draw: st.DrawFn, target: Target, channels: int, x: Tensor, y: Tensor) -> np.ndarray:
    """float32 weight scales such that the ratios s_x * s_w / s_y lie in 2**-31 .. 1, or a little above in affine."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    least, most = draw(st.sampled_from([(-14, -4), (-20, 0), (-9, -7), (-31, -18)]))
    exponents = random.uniform(least, most, channels)
    if target.rounding != ROUND_TFLITE:
        return np.float32(y.scale / x.scale * 2.0 ** np.round(exponents))
    return np.float32(y.scale / x.scale * 2.0 ** (exponents + draw(st.sampled_from([0, 0, 2]))))
