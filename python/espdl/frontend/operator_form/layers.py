# SPDX-License-Identifier: Apache-2.0
"""Layers with weights and a requantised result: QLinearConv, QLinearMatMul, QGemm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import array
from espdl.frontend.operator_form import Form, form
from espdl.quantization import Number


@form("QLinearConv")
def convolution(f: Form) -> ir.Value:
    weights = array(f.input(3))
    rank = weights.ndim if weights is not None else 4
    operands = [f.channels_first(f.real(0), rank), f.real(3, axis=0)]
    if f.input(8):
        operands.append(_bias(f, 8, f.quantization(1).scale * f.quantization(4).scale))
    made = f.compute("Conv", *operands, without="channels_last")
    return f.result(f.channels_back(made, rank), 6)


@form("QLinearMatMul")
def product(f: Form) -> ir.Value:
    return f.result(f.compute("MatMul", f.real(0, axis=_rank(f, 0) - 2), f.real(3, axis=_rank(f, 3) - 1)), 6)


@form("QGemm")
def dense(f: Form) -> ir.Value:
    """ONNX Runtime's: `alpha` scales the sums, bias included; without a scale of the result it is float."""
    weights = f.quantization(4, f.input(3), axis=0 if f.attributes.get("transB") else 1)
    weights = replace(weights, scale=weights.scale * np.float32(f.attributes.get("alpha", 1.0)))
    operands = [f.real(0), f.dequantized(f.operand(3), weights)]
    if f.input(6):
        operands.append(_bias(f, 6, f.quantization(1).scale * weights.scale))
    result = f.compute("Gemm", *operands, without="alpha")
    return f.result(result, 7) if f.input(7) else result


def _bias(f: Form, index: int, scale: Number | np.ndarray) -> ir.Value:
    """int32 at input scale * weights scale; per channel along its last axis."""
    axis = max(_rank(f, index), 1) - 1
    return f.dequantized(f.operand(index), f.of(scale, np.zeros(np.shape(scale), np.int32), axis))


def _rank(f: Form, index: int) -> int:
    """Of a constant; 2 for anything else, for which only a quantisation per tensor is taken."""
    value = array(f.input(index))
    return 2 if value is None else value.ndim
