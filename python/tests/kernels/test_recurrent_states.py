# SPDX-License-Identifier: CC0-1.0
"""LSTM and GRU with states, several sequences, peepholes, 16 bits and floats: C against the references, the references
against the equations in floating point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts

from espdl.backends import lower, select
from espdl.backends.portable.recurrent import is_plain
from espdl.ops import recurrent_floats
from espdl.ops.gru import Gru
from espdl.ops.lstm import Lstm
from espdl.ops.recurrent import First, Recurrent
from espdl.plan.types import Tensor

KINDS = [Lstm, Gru]
UNIT = {"int8": 1.0, "int16": 2.0**-8, "float32": 0.0}  # the scales of 16 bits are as much finer


def tensor(name: str, shape: tuple[int, ...], dtype: str, scale: float, zero_point: int = 0) -> Tensor:
    if dtype == "float32":
        return Tensor(name, shape, dtype)
    return Tensor(name, shape, dtype, scale * UNIT[dtype], zero_point if dtype == "int8" else 0)


def first(data: st.DataObject, random: np.random.Generator, name: str, shape: tuple[int, ...], dtype: str, peak: float):
    kind = data.draw(st.sampled_from(["zero", "constant", "tensor"]))
    if kind == "zero":
        return First()
    if kind == "constant":
        return First(values=random.uniform(-peak, peak, shape))
    return First(tensor(name, (1, *shape), dtype, peak / 128, data.draw(st.integers(-20, 20))))


def draw_node(data: st.DataObject, kind: type[Recurrent], dtype: str, wild: bool = False) -> Recurrent:
    """`wild`: scales, biases and states of any size, with sums up to the ends of int32."""
    steps, batch, inputs, hidden = (data.draw(st.integers(1, most)) for most in (5, 3, 5, 5))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = (4 if kind.has_cells else 3) * hidden
    peaks = [data.draw(st.sampled_from([1.0, 1.0, 3.0, 200.0] if wild else [1.0, 1.0, 3.0])) for _ in range(2)]
    h, c = (first(data, random, n, (batch, hidden), dtype, peak) for n, peak in zip("hc", peaks))
    c = c if kind.has_cells else First()
    low, high = (-6, 2) if wild else (-3, -1.7)
    scales = (10.0 ** random.uniform(low, high, (2, rows))).astype(np.float32)
    weights: np.ndarray = data.draw(contents((rows, inputs + hidden), low=-127))
    if dtype == "float32":
        weights, scales = (weights * np.float32(0.01)).astype(np.float32), np.ones((2, rows), np.float32)
    zero_points = data.draw(st.tuples(st.integers(-128, 127), st.integers(-20, 20), st.integers(-20, 20)))
    widest = [data.draw(st.sampled_from([1e-4, 1.0])) if wild else max(peaks[0], 1.0), peaks[1] + steps]
    x = tensor("x", (steps, batch, inputs), dtype, 2.0 ** data.draw(st.integers(-8, -4)), zero_points[0])
    y = tensor("y", (steps, 1, batch, hidden), dtype, widest[0] / 100, zero_points[1])
    cells = tensor("cells", (1, batch, hidden), dtype, widest[1] / 100, zero_points[2])
    bias = random.choice([-1e9, -1.0, 0.0, 1.0, 1e9], (2, rows)) if wild else random.normal(0, 0.5, (2, rows))
    peepholes = random.normal(0, 1.0, (3, hidden)) * data.draw(st.sampled_from([1.0, 1e-3, 1e3 if wild else 1.0]))
    return kind(
        (x, *(s.tensor for s in (h, c) if s.tensor is not None)),
        (y, cells) if kind.has_cells else (y,),
        (), weights, scales[0], scales[1], bias, h, c,
        peepholes if kind.has_cells and data.draw(st.booleans()) else None,
        not kind.has_cells and data.draw(st.booleans()),
        ("sequence", "cells") if data.draw(st.booleans()) else ("sequence",),
    )  # fmt: skip


def draw_values(data: st.DataObject, node: Recurrent) -> dict[str, np.ndarray]:
    values = {}
    for t in node.inputs:
        random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        if t.dtype == "int8":
            values[t.name] = data.draw(contents(t.shape))
        elif t.dtype == "int16":
            values[t.name] = random.integers(-(2**15), 2**15, t.shape).astype(np.int16)
        else:
            values[t.name] = (random.normal(size=t.shape) * data.draw(st.sampled_from([1, 30]))).astype(np.float32)
    return values


def arguments(node: Recurrent, values: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [values[name] for name in lower(node, TARGETS[0]).inputs]


def real(t: Tensor, values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64) if t.scale is None else (values.astype(np.float64) - t.zero_point) * t.scale


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def in_floating_point(node: Recurrent, values: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What the equations give: the sequence, the last cells."""
    data, inputs = real(node.inputs[0], values["x"]), node.inner_inputs
    w = node.weights[:, :inputs] * node.weights_scale[:, np.newaxis].astype(np.float64)
    r = node.weights[:, inputs:] * node.recurrence_scale[:, np.newaxis].astype(np.float64)
    states = []
    for name, state in (("h", node.h), ("c", node.c)):
        zero = np.zeros((data.shape[1], node.hidden))
        given = zero if state.values is None else state.values
        states.append(real(state.tensor, values[name])[0] if state.tensor is not None else given)
    h, c = states
    results = []
    for x in data:
        a, b = x @ w.T + node.bias[0], h @ r.T + node.bias[1]
        if node.has_cells:
            p = np.zeros((3, node.hidden)) if node.peepholes is None else node.peepholes
            i, o, f, g = np.split(a + b, 4, axis=1)
            c = sigmoid(f + p[2] * c) * c + sigmoid(i + p[0] * c) * np.tanh(g)
            h = sigmoid(o + p[1] * c) * np.tanh(c)
        else:
            (za, ra, na), (zb, rb, nb) = np.split(a, 3, axis=1), np.split(b, 3, axis=1)
            reset, last = sigmoid(ra + rb), slice(2 * node.hidden, None)
            inner = (reset * h) @ r[last].T + node.bias[1][last] if node.reset_first else reset * nb
            n = np.tanh(na + inner)
            h = n + sigmoid(za + zb) * (h - n)
        results.append(h)
    return [np.stack(results)[:, np.newaxis], c[np.newaxis]]


@runs("espdl_gru_states_s8", "espdl_lstm_states_s8", "espdl_gru_states_s16", "espdl_lstm_states_s16")
@given(st.data(), st.sampled_from(KINDS), st.sampled_from(["int8", "int16"]), shifts)
@examples
def test_integers(data: st.DataObject, kind: type[Recurrent], dtype: str, shift: int) -> None:
    node = draw_node(data, kind, dtype)
    values = draw_values(data, node)
    results = check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)
    for t, result, exact in zip(node.outputs, results, in_floating_point(node, values)):
        info = np.iinfo(t.dtype)
        ideal = np.clip(exact / t.scale + t.zero_point, info.min, info.max)
        # The cells collect what each of up to 5 steps rounds.
        most = 1.0 if t.dtype == "int8" else 48.0
        assert np.abs(ideal.reshape(result.shape) - result).max() <= most


@runs("espdl_gru_states_s8", "espdl_lstm_states_s8", "espdl_gru_states_s16", "espdl_lstm_states_s16")
@given(st.data(), st.sampled_from(KINDS), st.sampled_from(["int8", "int16"]), shifts)
@examples
def test_integers_at_their_ends(data: st.DataObject, kind: type[Recurrent], dtype: str, shift: int) -> None:
    node = draw_node(data, kind, dtype, wild=True)
    assume(select(node, TARGETS[0]).call is not None)
    values = draw_values(data, node)
    check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)


@runs("espdl_gru_f32", "espdl_lstm_f32")
@given(st.data(), st.sampled_from(KINDS), shifts)
@examples
def test_floats(data: st.DataObject, kind: type[Recurrent], shift: int) -> None:
    node = draw_node(data, kind, "float32")
    values = draw_values(data, node)
    results = check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)
    for result, exact in zip(results, in_floating_point(node, values)):
        np.testing.assert_allclose(result, exact.reshape(result.shape), rtol=2e-5, atol=2e-5)


def test_float_functions() -> None:
    x = np.linspace(-100, 100, 200001).astype(np.float32)
    exact = x.astype(np.float64)
    assert np.abs(recurrent_floats.tanh(x) - np.tanh(exact)).max() <= 2e-7
    assert np.abs(recurrent_floats.sigmoid(x) - sigmoid(exact)).max() <= 2e-7


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_both_kernels_give_the_same(kind: type[Recurrent]) -> None:
    """What the plain kernel runs is the same with the kernel for everything."""
    random = np.random.default_rng(3)
    x, y = Tensor("x", (4, 1, 3), "int8", 1 / 32, 5), Tensor("y", (4, 1, 1, 5), "int8", 1 / 120, -3)
    rows = 20 if kind.has_cells else 15
    weights, scales = random.integers(-127, 128, (rows, 8)).astype(np.int8), np.full(rows, 0.01, np.float32)
    outputs = (y, Tensor("c", (1, 1, 5), "int8", 1 / 40)) if kind.has_cells else (y,)
    plain = kind((x,), outputs, (), weights, scales, scales, random.normal(size=(2, rows)))
    assert is_plain(plain)
    other = replace(plain, h=First(values=np.full((1, 5), 1e-9)))  # rounds to 0
    values = random.integers(-128, 128, x.shape).astype(np.int8)
    calls = [lower(node, TARGETS[0]) for node in (plain, other)]
    assert calls[0].function != calls[1].function
    results = [check(call, *[values] * len(call.inputs))[0] for call in calls]
    np.testing.assert_array_equal(results[0], results[1].reshape(results[0].shape))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"h": First(values=np.full((1, 2), 300.0))}, "initial state reaches 300"),
        ({"peepholes": np.full((3, 2), 1e6)}, "peepholes reach"),
        ({"inputs": (Tensor("x", (40000, 1, 2), "int8", 0.1),)}, "more than 32768 steps"),
    ],
)
def test_declines_what_does_not_fit(change: dict, reason: str) -> None:
    x, y = Tensor("x", (2, 1, 2), "int8", 0.1), Tensor("y", (2, 1, 1, 2), "int8", 1 / 128)
    cells = Tensor("c", (1, 1, 2), "int8", 1 / 64)
    node = Lstm((x,), (y, cells), (), np.ones((8, 4), np.int8), *[np.ones(8, np.float32)] * 2, np.zeros((2, 8)))
    assert select(node, TARGETS[0]).call is not None
    assert reason in select(replace(node, **change), TARGETS[0]).declined[0]
