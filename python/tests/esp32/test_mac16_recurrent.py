# SPDX-License-Identifier: CC0-1.0
"""Recurrent layers on MAC16 against the reference, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check
from hypothesis import given
from hypothesis import strategies as st
from mac16_harness import TARGETS, call_of, examples, runs, shifts
from test_recurrent_states import KINDS, draw_node, draw_values

from espdl.backends import for_stream, lower
from espdl.backends.esp32.recurrent import without_states
from espdl.ops.lstm import Lstm
from espdl.ops.recurrent import Recurrent
from espdl.plan.types import Tensor

KERNELS = ("espdl_mac16_gru_s16", "espdl_mac16_gru_s8", "espdl_mac16_lstm_s16", "espdl_mac16_lstm_s8")


@runs(*KERNELS)
@given(st.data(), st.sampled_from(KINDS), st.sampled_from(["int8", "int16"]), st.booleans(), shifts)
@examples
def test_layer(data: st.DataObject, kind: type[Recurrent], dtype: str, is_wild: bool, shift: int) -> None:
    node = draw_node(data, kind, dtype, is_wild)
    values = draw_values(data, node)
    call = call_of(node, TARGETS[0])
    check(call, *(values[name] for name in call.inputs), shift=shift)


def test_extremes() -> None:
    """All sums at the ends of their range, which are 256 times as large in the accumulator."""
    x, y = Tensor("x", (3, 1, 40), "int8", 1.0, -128), Tensor("y", (3, 1, 1, 511), "int8", 1 / 128)
    weights = np.full((4 * 511, 551), 127, np.int8)
    weights[1::2] = -127
    scales = np.full(4 * 511, 0.01, np.float32)
    cells = Tensor("cells", (1, 1, 511), "int8", 1 / 16)
    node = Lstm((x,), (y, cells), (), weights, scales, scales, np.zeros((2, 4 * 511)))
    call = lower(node, TARGETS[0])
    assert call.function == "espdl_mac16_lstm_s8"
    check(call, *[np.full(x.shape, 127, np.int8)] * len(call.inputs))


@pytest.mark.parametrize("kind", KINDS)
def test_streams_take_the_portable_kernel_for_what_it_can_run(kind: type[Recurrent]) -> None:
    """That one takes up where it stopped."""
    x, y = Tensor("x", (3, 1, 5), "int8", 0.1, 3), Tensor("y", (3, 1, 1, 6), "int8", 1 / 128)
    cells = Tensor("cells", (1, 1, 6), "int8", 1 / 16)
    rows = (4 if kind.has_cells else 3) * 6
    weights, scales = np.arange(rows * 11).reshape(rows, 11).astype(np.int8), np.full(rows, 0.01, np.float32)
    outputs = (y, cells) if kind.has_cells else (y,)
    node = kind((x,), outputs, (), weights, scales, scales, np.zeros((2, rows)))
    call = without_states(lower(node, TARGETS[0]))
    wanted = lower(node, replace(TARGETS[0], backends=("portable",)))
    for field in ("function", "header", "params", "inputs", "outputs", "packing", "scratch_bytes", "backend"):
        assert getattr(call, field) == getattr(wanted, field)
    for mine, theirs in zip(call.constants, wanted.constants, strict=True):
        assert mine.name == theirs.name and np.array_equal(mine.data, theirs.data)
    ((kept,), _) = for_stream([lower(node, TARGETS[0])], [*node.inputs, *outputs], ["y"], keeps_states=True)
    assert kept.function == f"espdl_{node.name}_steps_s8"
    (not_kept, *_), _ = for_stream([lower(node, TARGETS[0])], [*node.inputs, *outputs], ["cells"], keeps_states=True)
    assert kind.has_cells == not_kept.function.startswith("espdl_mac16_")
