# SPDX-License-Identifier: CC0-1.0
"""Softmax: C against the reference, the reference within 1 of the exact softmax."""

from __future__ import annotations

import numpy as np
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.softmax import Softmax
from espdl.plan.types import Tensor


@runs("espdl_softmax_s8")
@given(st.data(), st.integers(1, 4), st.one_of(st.integers(1, 40), st.sampled_from([1000, 2048])), shifts)
@examples
def test_softmax(data: st.DataObject, rows: int, length: int, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", (rows, length), target, low=-8, high=3))
    scale = data.draw(st.one_of(st.sampled_from([2.0**-8, 2.0**-7, 1 / 255]), st.floats(2.0**-12, 2.0**-7)))
    y = Tensor("y", x.shape, "int8", float(np.float32(scale)), data.draw(st.sampled_from([-128, 0, 90])))
    values = data.draw(contents(x.shape))
    (result,) = check(lower(Softmax((x,), (y,), (), length), target), values, shift=shift)
    logits = values.astype(np.float64) * np.float32(x.scale)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    exact = np.minimum(exponentials / exponentials.sum(axis=1, keepdims=True) / y.scale + y.zero_point, 127)
    assert np.abs(result - exact).max() <= 1.0


def test_declines_other_outputs_and_long_rows() -> None:
    x = Tensor("x", (1, 4096), "int8", 0.1)
    good = Tensor("y", x.shape, "int8", 2.0**-8, -128)
    assert "1/4096 to 1/128" in select(Softmax((x,), (x,), (), 4096), TARGETS[0]).declined[0]
    assert "4096 elements" in select(Softmax((x,), (good,), (), 4096), TARGETS[0]).declined[0]
