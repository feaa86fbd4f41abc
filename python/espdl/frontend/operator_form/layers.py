# SPDX-License-Identifier: Apache-2.0
"""Layers with weights and a requantised result: QLinearConv, QLinearMatMul, QGemm."""

from __future__ import annotations

import numpy as np

from espdl.frontend.operator_form import Form, form
from espdl.frontend.operator_form.channels_last import channels_first, channels_last
from espdl.frontend.operator_form.form import Grid


@form("QLinearConv")
def convolution(f: Form) -> None:
    weights = f.scope.array(f.input(3))
    rank = weights.ndim if weights is not None else 4
    operands = [channels_first(f, f.real(0), rank), f.real(3, axis=0)]
    if f.input(8):
        operands.append(bias(f, f.input(8), f.grid(1).scale * f.grid(4).scale))
    made = f.compute("Conv", *operands, attributes=f.without("channels_last"))
    f.result(channels_last(f, made, rank), 6)


@form("QLinearMatMul")
def product(f: Form) -> None:
    f.result(f.compute("MatMul", f.real(0, axis=rank_of(f, 0) - 2), f.real(3, axis=rank_of(f, 3) - 1)), 6)


@form("QGemm")
def dense(f: Form) -> None:
    """ONNX Runtime's: `alpha` scales the sums, bias included; without a scale of the result it is float."""
    alpha = np.float32(f.attributes.get("alpha", 1.0))
    weights = f.grid(4, f.input(3))
    weights = Grid((weights.scale * alpha).astype(np.float32), weights.zero_point)
    operands = [f.real(0), f.dequantized(f.input(3), weights, axis=0 if f.attributes.get("transB") else 1)]
    if f.input(6):
        operands.append(bias(f, f.input(6), f.grid(1).scale * weights.scale))
    if f.input(7):
        f.result(f.compute("Gemm", *operands, attributes=f.without("alpha")), 7)
    else:
        f.compute("Gemm", *operands, output=f.node.output[0], attributes=f.without("alpha"))


def bias(f: Form, name: str, scale: np.ndarray) -> str:
    """int32 at input scale * weights scale; per channel along its last axis."""
    rank = max(rank_of(f, list(f.node.input).index(name)), 1)
    scale = scale.astype(np.float32)
    return f.dequantized(name, Grid(scale, np.zeros(scale.shape, np.int32)), axis=rank - 1)


def rank_of(f: Form, index: int) -> int:
    """Of a constant; 2 for anything else, for which only a grid per tensor is taken."""
    value = f.scope.array(f.input(index))
    return 2 if value is None else value.ndim
