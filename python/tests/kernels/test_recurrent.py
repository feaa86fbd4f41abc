# SPDX-License-Identifier: CC0-1.0
"""LSTM and GRU: C against the references, the references against the equations in floating point."""

from __future__ import annotations

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts

from espdl.backends import lower, select
from espdl.ops.gru import Gru
from espdl.ops.lstm import Lstm
from espdl.ops.recurrent_integers import tables
from espdl.plan.types import Tensor

GATES = {Lstm: 4, Gru: 3}
zeros = st.sampled_from([-128, -3, 0, 127])


def draw_node(data: st.DataObject, kind: type):
    steps, inputs, hidden = (data.draw(st.integers(1, 6)) for _ in range(3))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = GATES[kind] * hidden
    x = Tensor(
        "x", (steps, 1, inputs), "int8", 2.0 ** data.draw(st.integers(-8, -4)), data.draw(st.integers(-128, 127))
    )
    y = Tensor("y", (steps, 1, 1, hidden), "int8", 1 / 128, data.draw(st.integers(-20, 20)))
    scales = random.uniform(0.001, 0.02, (2, rows)).astype(np.float32)
    weights = data.draw(contents((rows, inputs + hidden), low=-127))
    node = kind((x,), (y,), (), weights, scales[0], scales[1], random.normal(0, 0.5, (2, rows)))
    return node, data.draw(contents(x.shape))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def in_floating_point(node: Lstm | Gru, values: np.ndarray) -> np.ndarray:
    x, hidden = node.inputs[0], node.hidden
    inputs = x.shape[-1]
    of_input = node.weights[:, :inputs] * node.weights_scale[:, np.newaxis].astype(np.float64)
    of_state = node.weights[:, inputs:] * node.recurrence_scale[:, np.newaxis].astype(np.float64)
    h = c = np.zeros(hidden)
    results = []
    for row in (values.reshape(-1, inputs).astype(np.float64) - x.zero_point) * x.scale:
        a, b = of_input @ row + node.bias[0], of_state @ h + node.bias[1]
        if isinstance(node, Lstm):
            i, o, f, g = np.split(a + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (za, ra, na), (zb, rb, nb) = np.split(a, 3), np.split(b, 3)
            n = np.tanh(na + sigmoid(ra + rb) * nb)
            h = n + sigmoid(za + zb) * (h - n)
        results.append(h)
    return np.stack(results)


@runs("espdl_gru_s8", "espdl_lstm_s8")
@given(st.data(), st.sampled_from([Lstm, Gru]), shifts)
@examples
def test_recurrent(data: st.DataObject, kind: type, shift: int) -> None:
    node, values = draw_node(data, kind)
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    y = node.outputs[0]
    ideal = np.clip(in_floating_point(node, values) / y.scale + y.zero_point, -128, 127)
    assert np.abs(ideal - result.reshape(ideal.shape)).max() <= 0.75


@runs("espdl_gru_s8", "espdl_lstm_s8")
@given(st.data(), st.sampled_from([Lstm, Gru]), shifts)
@examples
def test_saturated(data: st.DataObject, kind: type, shift: int) -> None:
    """Scales and biases of any size: sums far outside of what the functions distinguish, up to the ends of int32."""
    steps, inputs, hidden = (data.draw(st.integers(1, 5)) for _ in range(3))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = GATES[kind] * hidden
    x = Tensor("x", (steps, 1, inputs), "int8", data.draw(st.sampled_from([1e-6, 0.1, 1.0, 1e3])), data.draw(zeros))
    y = Tensor("y", (steps, 1, 1, hidden), "int8", data.draw(st.sampled_from([1e-4, 1 / 128, 2.0])), data.draw(zeros))
    scales = (10.0 ** random.uniform(-6, 2, (2, rows))).astype(np.float32)
    bias = random.choice([-1e9, -1.0, 0.0, 1.0, 1e9], (2, rows))
    weights = data.draw(contents((rows, inputs + hidden), low=-127))
    node = kind((x,), (y,), (), weights, scales[0], scales[1], bias)
    assume(select(node, TARGETS[0]).call is not None)
    check(lower(node, TARGETS[0]), data.draw(contents(x.shape)), shift=shift)


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_extremes(kind: type) -> None:
    """The largest layer, all sums at the ends of their range."""
    x, y = Tensor("x", (3, 1, 40), "int8", 1.0, -128), Tensor("y", (3, 1, 1, 511), "int8", 1 / 128)
    rows = GATES[kind] * 511
    weights = np.full((rows, 551), 127, np.int8)
    weights[1::2] = -127
    scales = np.full(rows, 0.01, np.float32)
    node = kind((x,), (y,), (), weights, scales, scales, np.zeros((2, rows)))
    check(lower(node, TARGETS[0]), np.full(x.shape, 127, np.int8))


def test_declines_what_does_not_fit() -> None:
    x, y = Tensor("x", (1, 1, 1), "int8", 0.1), Tensor("y", (1, 1, 1, 600), "int8", 1 / 128)
    weights = np.full((2400, 601), 127, np.int8)
    node = Lstm((x,), (y,), (), weights, *[np.ones(2400, np.float32)] * 2, np.zeros((2, 2400)))
    assert "does not fit 32 bits" in select(node, TARGETS[0]).declined[0]


def test_tables_are_the_functions() -> None:
    x = np.linspace(-8, 8, 513)
    assert np.abs(tables() / 2**15 - np.stack([sigmoid(x), np.tanh(x)])).max() <= 2**-15
