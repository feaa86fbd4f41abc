# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization behind a product with constant weights, which take it in (ONNX Runtime does so behind Conv)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@dataclass(frozen=True)
class _Product:
    """x * weights + bias; float64 [inputs, outputs] and [outputs]."""

    node: onnx.NodeProto
    x: str
    weights: np.ndarray
    bias: np.ndarray


def factors(node: onnx.NodeProto, scope: Scope) -> tuple[np.ndarray, np.ndarray] | None:
    """float64 [channels]: what a BatchNormalization multiplies with and what it adds; None where it is not constant."""
    arrays = [scope.array(name) for name in node.input[1:]]
    attributes = _attributes(node)
    if any(a is None for a in arrays) or any(node.output[1:]) or attributes.get("training_mode", 0):
        return None
    gamma, beta, mean, variance = (a.astype(np.float64) for a in arrays)
    factor = gamma / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    return factor, beta - factor * mean


@rewrite("BatchNormalization")
def behind_a_product(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    pair = factors(node, scope)
    product = None if pair is None else _product(node.input[0], scope)
    if product is None:
        return None
    factor, offset = pair
    chain = Chain(scope, product.node.name or node.output[0])
    parameters = chain.constant(product.weights * factor), chain.constant(product.bias * factor + offset)
    chain.add("Gemm", product.x, *parameters, output=node.output[0])
    if product.node.name:
        # The name goes on to what does its work; nobody reads what it makes any more.
        chain.nodes[0].name, product.node.name = product.node.name, chain.nodes[0].name
    return chain.nodes


def _product(name: str, scope: Scope) -> _Product | None:
    """The product of vectors [N, inputs] that only one node reads; a constant may be added to it."""
    node, shape = scope.maker(name), scope.shape(name)
    if node is None or shape is None or len(shape) != 2 or len(scope.readers(name)) != 1 or name in scope.outputs:
        return None
    arrays = [scope.array(i) for i in node.input]
    zeros = np.zeros(shape[1])
    if node.op_type == "MatMul" and arrays[1] is not None and arrays[1].ndim == 2:
        return _Product(node, node.input[0], arrays[1].astype(np.float64), zeros)
    if node.op_type == "Add" and (arrays[0] is None) != (arrays[1] is None):
        inner, constant = (0, 1) if arrays[0] is None else (1, 0)
        product = _product(node.input[inner], scope)
        return product and _with(product, arrays[constant])
    attributes = _attributes(node)
    if node.op_type != "Gemm" or attributes.get("transA", 0) or any(a is None for a in arrays[1:]):
        return None
    weights = attributes.get("alpha", 1.0) * arrays[1].astype(np.float64)
    product = _Product(node, node.input[0], weights.T if attributes.get("transB", 0) else weights, zeros)
    return _with(product, attributes.get("beta", 1.0) * arrays[2]) if len(arrays) > 2 else product


def _with(product: _Product, added: np.ndarray) -> _Product | None:
    """`product` with a constant added, if that is one value per output."""
    if added.size not in (1, len(product.bias)) or any(size != 1 for size in added.shape[:-1]):
        return None
    return _Product(product.node, product.x, product.weights, product.bias + added.astype(np.float64).reshape(-1))


def _attributes(node: onnx.NodeProto) -> dict:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}
