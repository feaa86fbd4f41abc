# SPDX-License-Identifier: CC0-1.0
"""Layer normalisation against real numbers, and in rows that take its integers furthest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.layer_norm import LayerNorm, LayerNormParams, inverse_root, normalized
from espdl.plan.types import Tensor

EPSILON = 1e-5
LENGTHS = (1, 2, 3, 5, 16, 17, 63, 64, 65, 255, 256, 1023, 1024, 4096, 16385, 32767, 32768)


def steps_off(node: LayerNorm, values: np.ndarray, result: np.ndarray) -> np.ndarray:
    """By how many steps of the output each is wrong, where it is not clamped."""
    (x,), (y,) = node.inputs, node.outputs
    real = (values.astype(np.float64) - x.zero_point) * np.float64(np.float32(x.scale))
    spread = real - real.mean(axis=1, keepdims=True)
    deviation = np.sqrt((spread**2).mean(axis=1, keepdims=True) + node.epsilon)
    deviation[(spread == 0).all(axis=1)] = 1
    ideal = (spread / deviation * node.gamma + node.beta) / np.float64(np.float32(y.scale)) + y.zero_point
    return np.abs(np.clip(ideal, -128, 127) - result)


@runs("espdl_layer_norm_s8")
@given(st.data(), st.integers(1, 4), st.integers(1, 70), shifts)
@examples
def test_layer_norm(data: st.DataObject, rows: int, length: int, shift: int) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    target = data.draw(targets)
    x = data.draw(tensors("x", (rows, length), target))
    y = data.draw(tensors("y", (rows, length), target, low=-6))
    gamma, beta = random.normal(1, 0.5, length), random.normal(0, 0.5, length)
    node = LayerNorm((x,), (y,), (), gamma, beta, EPSILON)
    assume(select(node, target).call is not None)
    values = data.draw(contents(x.shape))
    (result,) = check(lower(node, target), values, shift=shift)
    assert steps_off(node, values, result).max() <= 0.52 + 0.01 * float(np.abs(gamma).max())


def test_the_longest_rows() -> None:
    x, y = Tensor("x", (1, 32768), "int8", 0.01, 3), Tensor("y", (1, 32768), "int8", 0.05, -4)
    node = LayerNorm((x,), (y,), (), np.full(32768, 3.0), np.full(32768, -1.0), EPSILON)
    values = np.full(x.shape, -128, np.int8)
    values[0, ::2] = 127
    (result,) = check(lower(node, TARGETS[0]), values)
    assert steps_off(node, values, result).max() <= 0.51


@pytest.mark.parametrize("length", [8, 64, 100, 384, 1024, 4096])
def test_hardly_more_than_what_rounding_costs(length: int) -> None:
    """In the mean a quarter of a step, of values that fill the range of the output."""
    random = np.random.default_rng(length)
    x = Tensor("x", (200_000 // length, length), "int8", 0.05, 3)
    y = Tensor("y", x.shape, "int8", 1 / 16)
    node = LayerNorm((x,), (y,), (), random.normal(1, 0.2, length), random.normal(0, 0.3, length), EPSILON)
    values = np.clip(np.rint(random.normal(0, 30, x.shape)), -128, 127).astype(np.int8)
    call = lower(node, TARGETS[0])
    (result,) = node.reference(call.params, [values], {c.name: c.data for c in call.constants})
    assert steps_off(node, values, result.reshape(x.shape)).mean() <= 0.252


@pytest.mark.parametrize("length", [2, 3, 8, 20])
def test_short_rows_that_hardly_deviate(length: int) -> None:
    """An epsilon that is less than 1 in the units of their variance."""
    x, y = Tensor("x", (50, length), "int8", 0.05, 3), Tensor("y", (50, length), "int8", 1 / 32)
    node = LayerNorm((x,), (y,), (), np.ones(length), np.zeros(length), EPSILON)
    values = np.random.default_rng(length).integers(3, 5, x.shape).astype(np.int8)
    (result,) = check(lower(node, TARGETS[0]), values)
    assert steps_off(node, values, result.reshape(x.shape)).max() <= 0.51


def extreme_rows(length: int) -> np.ndarray:
    """int8 [rows, length]: of one value, of two, the second one or more times."""
    rows = []
    for a, b in ((-128, 127), (127, -128), (-128, -127), (127, 126), (0, 1), (3, 3), (-128, -128), (127, 127)):
        for count in sorted({1, length // 3, length // 2, length - 1} - {0}):
            row = np.full(length, a)
            row[:count] = b
            rows.append(row)
    return np.array(rows or [[0]], np.int8)


def extreme_node(length: int, epsilon: float) -> tuple[LayerNorm, np.ndarray]:
    values = extreme_rows(length)
    x = Tensor("x", values.shape, "int8", 1.0)
    y = Tensor("y", x.shape, "int8", 2.0**-4)
    return LayerNorm((x,), (y,), (), np.ones(length), np.zeros(length), epsilon), values


@pytest.mark.parametrize("epsilon", [0.0, 1.5])
@pytest.mark.parametrize("length", LENGTHS)
def test_no_row_leaves_the_integers(length: int, epsilon: float) -> None:
    node, values = extreme_node(length, epsilon if round(epsilon * length**2) < 2**31 else 0.0)
    call = lower(node, TARGETS[0])
    p = call.params_of(LayerNormParams)
    units = normalized(p, values.astype(np.int64))
    assert -(2**15) <= units.min() and units.max() < 2**15
    assert p.factor * 2.0**-p.unit_shift * 2**23 / length <= 2**14
    if node.epsilon == 0 and 64 <= length <= 4096:
        assert units.max() > 32000  # no bit is given away
    assert not units[(values == values[:, :1]).all(axis=1)].any()
    (result,) = check(call, values)
    assert steps_off(node, values, result).max() <= 0.6


@pytest.mark.parametrize("epsilon", [0, 1, 2**30, 2**31 - 1])
@pytest.mark.parametrize("length", LENGTHS)
def test_any_epsilon_keeps_the_shifts(length: int, epsilon: int) -> None:
    """Also with what no scale would make of it; the program is built with sanitizers."""
    node, values = extreme_node(length, 0.0)
    call = lower(node, TARGETS[0])
    call = replace(call, params=replace(call.params_of(LayerNormParams), epsilon=epsilon))
    units = normalized(call.params_of(LayerNormParams), values.astype(np.int64))
    assert -(2**15) <= units.min() and units.max() < 2**15
    check(call, values)


def test_inverse_root() -> None:
    random = np.random.default_rng(1)
    near = np.arange(1, 3000)
    ends = [(1 << 44) - near, (1 << 32) + np.arange(-3000, 3000), (1 << 30) + np.arange(-3000, 3000), near]
    value = np.concatenate([*ends, np.floor(2.0 ** random.uniform(0, 45, 200_000)).astype(np.int64)])
    root, halves = inverse_root(value)
    assert 2**16 - 2 <= root.min() and root.max() <= 2**17
    relative = root * 2.0 ** (halves - 32) * np.sqrt(value.astype(np.float64)) - 1
    assert -(2.0**-15) < relative.min() and relative.max() < 2.0**-16


def test_declines_with_reasons() -> None:
    x = Tensor("x", (2, 64), "int8", 0.05)
    node = LayerNorm((x,), (replace(x, name="y"),), (), np.ones(64), np.zeros(64), EPSILON)

    def reasons(**changes: object) -> tuple[str, ...]:
        return select(replace(node, **changes), TARGETS[0]).declined

    assert not reasons(gamma=np.full(64, 25.0), beta=np.full(64, 80.0))
    assert "its scale is too large" in reasons(gamma=np.full(64, 100.0))[0]
    assert "its bias is too large" in reasons(beta=np.full(64, 150.0))[0]
    assert "its epsilon is too large" in reasons(epsilon=2000.0)[0]
    for length, gamma, reason in ((32768, 4.0, ""), (32768, 5.0, "its scale is too large"), (32769, 1.0, "32768")):
        long = replace(x, shape=(1, length))
        tensors = {"inputs": (long,), "outputs": (replace(long, name="y"),)}
        declined = reasons(**tensors, gamma=np.full(length, gamma), beta=np.zeros(length))
        assert reason in declined[0] if reason else not declined
