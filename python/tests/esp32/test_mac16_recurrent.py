# SPDX-License-Identifier: CC0-1.0
"""Recurrent layers on MAC16 against the reference, bit for bit."""

from __future__ import annotations

import numpy as np
from harness import check
from hypothesis import given
from hypothesis import strategies as st
from mac16_harness import TARGETS, call_of, examples, runs, shifts
from test_recurrent_states import KINDS, draw_node, draw_values

from espdl.backends import lower
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
