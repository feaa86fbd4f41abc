# SPDX-License-Identifier: CC0-1.0
"""Layers of 16-bit activations on MAC16, against the reference, bit for bit."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from harness import check
from hypothesis import given
from hypothesis import strategies as st
from mac16_harness import TARGETS, call_of, examples, runs, shifts, tiles
from strategies import activations
from test_conv2d import convolutions, usual
from test_int16 import contents, scales, wide

from espdl.backends.esp32.conv2d import FEW_ROWS
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.plan.types import Tensor

TARGET = TARGETS[0]


@runs("espdl_mac16_conv2d_s16", "espdl_mac16_depthwise_s16")
@given(st.data(), st.sampled_from([None, "depthwise", "usual"]), shifts)
@examples
def test_convolution(data: st.DataObject, kind: str | None, shift: int) -> None:
    window = usual if kind == "usual" else None
    narrow = data.draw(convolutions(TARGET, depthwise=kind is not None, dense=kind is None, window=window))
    narrow = replace(narrow, bias=narrow.bias % 2**20, weights=np.maximum(narrow.weights, -127))
    values = {f.name: getattr(narrow, f.name) for f in fields(narrow)}
    values.update(inputs=tuple(map(wide, narrow.inputs)), outputs=tuple(map(wide, narrow.outputs)))
    with data.draw(tiles()):
        node = Conv2d(**values)
        check(call_of(node, TARGET), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_mac16_conv2d_s16", "espdl_mac16_gemm_s16")
@given(st.data(), st.integers(1, 5), st.sampled_from([1, 6, 300]), st.integers(1, 9), shifts)
@examples
def test_product(data: st.DataObject, rows: int, inputs: int, outputs: int, shift: int) -> None:
    """Sums of almost 32 bits are among them."""
    x, y = Tensor("x", (rows, inputs), "int16", 2.0**-12), Tensor("y", (rows, outputs), "int16", data.draw(scales))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weights = random.choice([-128 if rows <= FEW_ROWS else -127, 127, 3], (outputs, inputs)).astype(np.int8)
    bias = random.integers(-(2**29), 2**29, outputs).astype(np.int32)
    node = Gemm((x,), (y,), (), weights, np.full(outputs, 2.0**-9, np.float32), bias, data.draw(activations))
    check(call_of(node, TARGET), data.draw(contents((rows, inputs))), shift=shift)
