# SPDX-License-Identifier: CC0-1.0
"""One value says what integers stand for: against ONNX Runtime's QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from espdl.quantization import Quantization, zero_point
from espdl.quantize.ranges import session

DTYPES = ["int8", "uint8", "int16", "uint16"]


def by_onnxruntime(operator: str, values: np.ndarray, q: Quantization) -> np.ndarray:
    axis = {} if q.axis is None else {"axis": q.axis}
    zero = np.asarray(np.broadcast_to(np.asarray(q.zero_point), np.shape(q.scale)), q.dtype)
    constants = [numpy_helper.from_array(np.asarray(q.scale), "s"), numpy_helper.from_array(zero, "z")]
    types = [helper.np_dtype_to_tensor_dtype(np.dtype(t)) for t in ("float32", q.dtype)]
    given, made = types if operator == "QuantizeLinear" else types[::-1]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "s", "z"], ["y"], **axis)],
        "one",
        [helper.make_tensor_value_info("x", given, values.shape)],
        [helper.make_tensor_value_info("y", made, values.shape)],
        constants,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(proto, full_check=True)
    return session(proto).run(None, {"x": values})[0]


@st.composite
def quantizations(draw, shape: tuple[int, ...], dtypes: tuple[str, ...] = tuple(DTYPES)) -> Quantization:
    dtype = draw(st.sampled_from(dtypes))
    axis = draw(st.sampled_from([None, *range(len(shape)), *range(-len(shape), 0)]))
    count = 1 if axis is None else shape[axis]
    info = np.iinfo(dtype)
    zeros = [draw(st.integers(int(info.min), int(info.max))) for _ in range(count)]
    scales = [np.float32(draw(st.sampled_from([2.0**-7, 0.5, 1.0])) * draw(st.floats(0.1, 10.0))) for _ in range(count)]
    if axis is None:
        return Quantization(scales[0], zeros[0], dtype)
    return Quantization(np.array(scales), np.array(zeros), dtype, axis)


@given(st.data(), st.integers(0, 2**32 - 1))
def test_numbers_become_the_integers_of_onnx(data, seed: int) -> None:
    """Ties, borders and far beyond them; every axis, counted from either end."""
    shape = (3, 4, 5)
    q = data.draw(quantizations(shape))
    random = np.random.default_rng(seed)
    scale = np.asarray(q.scale) if q.axis is None else np.moveaxis(np.ones(shape) * 1.0, q.axis, -1) * q.scale
    scale = scale if q.axis is None else np.moveaxis(scale, -1, q.axis)
    low, high = q.limits
    steps = random.integers(2 * low - 300, 2 * high + 300, shape) / 2
    values = np.asarray(steps * scale, np.float32)
    values.reshape(-1)[:2] = 3e38, -3e38
    assert np.array_equal(q.quantize(values), by_onnxruntime("QuantizeLinear", values, q))
    pair = by_onnxruntime("DequantizeLinear", q.quantize(values), q)
    assert np.array_equal(q.dequantize(q.quantize(values)), pair)
    assert np.array_equal(q.fake_quantize(values), pair)


@given(st.data(), st.integers(0, 2**32 - 1))
def test_integers_stand_for_the_numbers_of_onnx(data, seed: int) -> None:
    q = data.draw(quantizations((4, 6)))
    low, high = q.limits
    integers = np.random.default_rng(seed).integers(low, high, (4, 6), endpoint=True).astype(q.dtype)
    assert np.array_equal(q.dequantize(integers), by_onnxruntime("DequantizeLinear", integers, q))


@given(st.floats(-1e6, 0.0), st.floats(0.0, 1e6), st.sampled_from(["int8", "int16"]), st.sampled_from([1.0, 4.0]))
def test_a_range_is_covered_and_holds_zero(low: float, high: float, dtype: str, headroom: float) -> None:
    q = Quantization.of_range(low, high, dtype, headroom)
    step = float(q.scale)
    least, most = q.range
    beyond = headroom if dtype == "int16" else 1.0
    # Half a step at each end goes where the zero point is rounded.
    assert least <= low * beyond + step and most >= high * beyond - beyond * step
    assert q.dequantize(q.quantize(np.float32(0.0))) == 0.0
    assert q.dtype == dtype and (dtype == "int8" or q.zero_point == 0)
    # Steps too small for a normal float32 are those of what is always zero.
    if dtype == "int16" and max(-low, high) / 32767 > np.finfo(np.float32).tiny:
        end = np.float32(max(-low, high))
        assert abs(float(q.fake_quantize(end)) - end) <= 1e-6 * end


@pytest.mark.parametrize(
    ("bounds", "dtype", "expected"),
    [
        ((0.0, 1.0), "int8", (2.0**-8, -128)),
        ((-1.0, 1.0), "int8", (2.0**-7, 0)),
        ((0.0, 1.0), "int16", (2.0**-15, 0)),
        ((-1.0, 1.0), "int16", (2.0**-15, 0)),
    ],
)
def test_known_ranges_are_powers_of_two(bounds, dtype: str, expected) -> None:
    q = Quantization.of_known_range(*bounds, dtype)
    assert (float(q.scale), q.zero_point, q.dtype) == (*expected, dtype)


def test_what_is_always_zero_has_a_scale_too() -> None:
    for q in (*(Quantization.of_range(0.0, 0.0, d) for d in ("int8", "int16")), Quantization.of_peak(0.0)):
        assert q.scale > 0 and np.isfinite(q.scale) and not q.dequantize(q.quantize(np.zeros(3, np.float32))).any()
    peaks = Quantization.of_peak(np.array([2.54, 0.0, 1.27], np.float32), axis=0)
    assert peaks.scale.tolist() == [np.float32(0.02), 1.0, np.float32(0.01)]


def test_limits_and_undefined_numbers() -> None:
    q = Quantization(np.float32(0.5), 3)
    assert q.quantize(np.array([np.nan, np.inf, -np.inf, 1.0])).tolist() == [3, 127, -128, 5]
    assert q.quantize(np.array([-1e3, 1e3]), (-127, 100)).tolist() == [-127, 100]
    assert q.fake_quantize(np.float32(0.25)) == 0.0 and q.fake_quantize(np.float32(0.25), half_up=True) == 0.5
    assert zero_point(-1.0, 0.01) == -28 and zero_point(0.0, 0.01) == -128


def test_sameness_is_that_of_the_numbers() -> None:
    q = Quantization(np.float32(0.5), 3)
    assert q.same_as(Quantization(np.array([0.5], np.float32), np.array([3], np.int8), axis=0))
    assert not any(
        q.same_as(other) for other in (Quantization(0.25, 3), Quantization(0.5, 2), Quantization(0.5, 3, "int16"))
    )
    channels = Quantization(np.array([0.5, 1.0]), 0, axis=0)
    assert channels.same_as(Quantization(np.array([0.5, 1.0]), 0, axis=0))
    assert not channels.same_as(Quantization(np.array([0.5, 1.0]), 0, axis=1))
    assert not channels.is_per_tensor
