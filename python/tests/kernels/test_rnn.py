# SPDX-License-Identifier: CC0-1.0
"""Simple recurrent layers: C against the references, the references against the equations in floating point."""

from __future__ import annotations

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts
from test_recurrent_states import arguments, draw_values, first, real, tensor

from espdl.backends import lower, select
from espdl.ops.rnn import Rnn
from espdl.plan.types import Tensor

functions = st.sampled_from(["Tanh", "Relu"])
integers = st.sampled_from(["int8", "int16"])
WHOLE = "it begins with no state"


def draw_node(data: st.DataObject, function: str, dtype: str, wild: bool = False) -> Rnn:
    """`wild`: scales, biases and states of any size, with sums up to the ends of int32. Else no state makes the next
    one larger than itself, so that no error grows: the rows of the state's weights are less than 1 together."""
    steps, batch, inputs, hidden = (data.draw(st.integers(1, most)) for most in (5, 3, 5, 5))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    peak = data.draw(st.sampled_from([1.0, 3.0, 200.0] if wild else [1.0, 3.0]))
    h = first(data, random, "h", (batch, hidden), dtype, peak)
    scales = (10.0 ** random.uniform(*((-6, 2) if wild else (-3, -2.85)), (2, hidden))).astype(np.float32)
    weights: np.ndarray = data.draw(contents((hidden, inputs + hidden), low=-127))
    if dtype == "float32":
        weights, scales = (weights * np.float32(0.0015)).astype(np.float32), np.ones((2, hidden), np.float32)
    x = tensor(
        "x", (steps, batch, inputs), dtype, 2.0 ** data.draw(st.integers(-8, -4)), data.draw(st.integers(-128, 127))
    )
    widest = data.draw(st.sampled_from([1e-4, 1.0])) if wild else max(peak, 0.01 if function == "Relu" else 1.0)
    y = tensor("y", (steps, 1, batch, hidden), dtype, widest / 100, data.draw(st.integers(-128, -20)))
    bias = random.choice([-1e9, -1.0, 0.0, 1.0, 1e9], (2, hidden)) if wild else random.normal(0, 0.5, (2, hidden))
    inputs_of = (x,) if h.tensor is None else (x, h.tensor)
    return Rnn(inputs_of, (y,), (), weights, scales[0], scales[1], bias, h, activations=(function,))


def in_floating_point(node: Rnn, values: dict[str, np.ndarray]) -> np.ndarray:
    data, inputs = real(node.inputs[0], values["x"]), node.inner_inputs
    w = node.weights[:, :inputs] * node.weights_scale[:, np.newaxis].astype(np.float64)
    r = node.weights[:, inputs:] * node.recurrence_scale[:, np.newaxis].astype(np.float64)
    h = np.zeros((data.shape[1], node.hidden)) if node.h.values is None else node.h.values
    h = h if node.h.tensor is None else real(node.h.tensor, values["h"])[0]
    results = []
    for x in data:
        h = x @ w.T + h @ r.T + node.bias.sum(axis=0)
        h = np.maximum(h, 0) if node.is_relu else np.tanh(h)
        results.append(h)
    return np.stack(results)[:, np.newaxis]


@runs("espdl_rnn_s8", "espdl_rnn_s16", rows=WHOLE)
@given(st.data(), functions, integers, shifts)
@examples
def test_integers(data: st.DataObject, function: str, dtype: str, shift: int) -> None:
    node = draw_node(data, function, dtype)
    values = draw_values(data, node)
    (result,) = check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)
    (y,), info = node.outputs, np.iinfo(dtype)
    exact = in_floating_point(node, values)
    # The state goes on with what the output cannot hold only as far as its 16 bits reach.
    assume(not node.is_relu or np.abs(exact).max() <= (info.max - y.zero_point) * y.scale)
    ideal = np.clip(exact / y.scale + y.zero_point, info.min, info.max)
    # Steps of Tanh are within 64/32768; those of Relu within two units each, of which the output has at most 255 * 256.
    most = 1.0 if dtype == "int8" else 48.0
    assert np.abs(ideal.reshape(result.shape) - result).max() <= most


@runs("espdl_rnn_s8", "espdl_rnn_s16", rows=WHOLE)
@given(st.data(), functions, integers, shifts)
@examples
def test_integers_at_their_ends(data: st.DataObject, function: str, dtype: str, shift: int) -> None:
    node = draw_node(data, function, dtype, wild=True)
    assume(select(node, TARGETS[0]).call is not None)
    values = draw_values(data, node)
    check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)


@runs("espdl_rnn_f32", rows=WHOLE)
@given(st.data(), functions, shifts)
@examples
def test_floats(data: st.DataObject, function: str, shift: int) -> None:
    node = draw_node(data, function, "float32")
    values = draw_values(data, node)
    (result,) = check(lower(node, TARGETS[0]), *arguments(node, values), shift=shift)
    exact = in_floating_point(node, values)
    np.testing.assert_allclose(result, exact.reshape(result.shape), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("function", ["Tanh", "Relu"])
def test_declines_what_does_not_fit(function: str) -> None:
    x, y = Tensor("x", (1, 1, 1), "int8", 0.1), Tensor("y", (1, 1, 1, 600), "int8", 1 / 128)
    weights, ones = np.full((600, 601), 127, np.int8), np.ones(600, np.float32)
    node = Rnn((x,), (y,), (), weights, ones, ones, np.zeros((2, 600)), activations=(function,))
    assert "does not fit 32 bits" in select(node, TARGETS[0]).declined[0]
