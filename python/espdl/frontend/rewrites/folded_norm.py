# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization after a product with constant weights, which take it in (ONNX Runtime does so after Conv)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from espdl.errors import present
from espdl.frontend.graph import Chain, array, is_read_once, operand, shape
from espdl.frontend.rewrites import rewrite


@dataclass(frozen=True)
class _Product:
    """x * weights + bias; float64 [inputs, outputs] and [outputs]."""

    node: ir.Node
    weights: np.ndarray
    bias: np.ndarray

    def plus(self, added: np.ndarray) -> _Product | None:
        """It with a constant added, if that is one value per output."""
        if added.size not in (1, len(self.bias)) or any(size != 1 for size in added.shape[:-1]):
            return None
        return replace(self, bias=self.bias + added.astype(np.float64).reshape(-1))


def factors(node: ir.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """float64 [channels]: what a BatchNormalization multiplies with and what it adds; None where it is not constant."""
    arrays = [a.astype(np.float64) for value in node.inputs[1:] if (a := array(value)) is not None]
    more = any(output.name for output in node.outputs[1:])
    if len(arrays) < len(node.inputs) - 1 or more or node.attributes.get_int("training_mode", 0) != 0:
        return None
    gamma, beta, mean, variance = arrays
    factor = gamma / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
    return factor, beta - factor * mean


@rewrite("BatchNormalization")
def after_a_product(node: ir.Node, chain: Chain) -> ir.Value | None:
    """The name of the product goes on to what does its work."""
    pair = factors(node)
    product = None if pair is None else _product(operand(node, 0))
    if pair is None or product is None:
        return None
    factor, offset = pair
    parameters = product.weights * factor, product.bias * factor + offset
    return chain.add("Gemm", product.node.inputs[0], *parameters, name=product.node.name)


def _product(value: ir.Value) -> _Product | None:
    """The product of vectors [N, inputs] that only one node reads; a constant may be added to it."""
    node, sizes = value.producer(), shape(value)
    if node is None or sizes is None or len(sizes) != 2 or not is_read_once(value):
        return None
    arrays = [array(i) for i in node.inputs]
    zeros = np.zeros(sizes[1])
    if node.op_type == "MatMul" and arrays[1] is not None and arrays[1].ndim == 2:
        return _Product(node, arrays[1].astype(np.float64), zeros)
    if node.op_type == "Add" and (arrays[0] is None) != (arrays[1] is None):
        inner, constant = (0, arrays[1]) if arrays[0] is None else (1, arrays[0])
        product = _product(operand(node, inner))
        return None if product is None else product.plus(present(constant))
    constants = [a for a in arrays[1:] if a is not None]
    if node.op_type != "Gemm" or node.attributes.get_int("transA", 0) != 0 or len(constants) < len(arrays) - 1:
        return None
    weights = node.attributes.get_float("alpha", 1.0) * constants[0].astype(np.float64)
    product = _Product(node, weights.T if node.attributes.get_int("transB", 0) else weights, zeros)
    return product.plus(node.attributes.get_float("beta", 1.0) * constants[1]) if len(constants) > 1 else product
