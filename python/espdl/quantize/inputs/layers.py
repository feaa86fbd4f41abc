# SPDX-License-Identifier: Apache-2.0
"""First layers: which of them can take in what is done to their input, and how their weights and bias change then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from espdl import traits
from espdl.errors import present
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.inputs.steps import End, Path
from espdl.quantize.network import Layer
from espdl.quantize.placement import Weighted, place

# Where the nodes with constant weights that have no place in Placement.weighted keep weights and bias.
_WEIGHTS, _BIAS = 1, 3


@dataclass(frozen=True)
class FirstLayer:
    """A layer at an end of an input's steps. `axis`: of its input, the one whose elements it sums with weights.

    `pads`: it puts zeros around its input, so that what is added to that must be zero there.
    """

    path: Path
    node: onnx.NodeProto
    axis: int
    pads: bool
    weighted: Weighted | None

    @property
    def factor(self) -> np.ndarray:
        """Per index of `axis`."""
        return present(self.path.along(self.path.factor, self.axis))

    @property
    def offset(self) -> np.ndarray:
        return present(self.path.along(self.path.offset, self.axis))

    def numbers(self, features: np.ndarray) -> np.ndarray | None:
        """Per index of `axis` the feature that it is; `features` (the input's shape) are numbers of features. None
        where an index is several."""
        return self.path.along(features.reshape(-1)[self.path.place], self.axis)


def first_layers(graph: Graph, found: Sequence[End]) -> list[FirstLayer] | None:
    """The layers at these ends; None unless every end is one that can take in what is done to its input."""
    if not found:
        return None
    weighted = {w.node.name: w for w in place(graph).weighted}
    layers = [_first(graph, end.path, end.node, weighted.get(end.node.name)) for end in found if end.node is not None]
    known = [layer for layer in layers if layer is not None]
    return known if len(known) == len(found) else None


def _first(graph: Graph, path: Path, node: onnx.NodeProto, weighted: Weighted | None) -> FirstLayer | None:
    if not graph.is_float(path.tensor):
        return None
    if weighted is not None and weighted.data == path.tensor:
        axis = 1 if "Conv" in node.op_type else path.factor.ndim - 1
        first = FirstLayer(path, node, axis, _pads(node), weighted)
    elif _is_recurrent(graph, path, node):
        first = FirstLayer(path, node, 2, False, None)
    else:
        return None
    fits = path.along(path.factor, first.axis) is not None and path.along(path.offset, first.axis) is not None
    return first if fits else None


def _pads(node: onnx.NodeProto) -> bool:
    if node.op_type == "ConvTranspose":  # at its border fewer products are summed
        return True
    explicit = attribute(node, "auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    return node.op_type == "Conv" and (not explicit or any(attribute(node, "pads", [])))


def _is_recurrent(graph: Graph, path: Path, node: onnx.NodeProto) -> bool:
    if not traits.of(node.op_type).activations or node.input[0] != path.tensor or path.factor.ndim != 3:
        return False
    constants = node.input[1:4]
    lengths = len(node.input) > 4 and node.input[4]
    return (
        all(graph.is_constant(i) for i in constants if i) and not lengths and list(node.input).count(path.tensor) == 1
    )


def importance(graph: Graph, first: FirstLayer) -> np.ndarray:
    """Per index of the layer's `axis`: the sum of the squares of what it is multiplied with, steps included."""
    if first.weighted is None:
        squares = (graph.array(first.node.input[_WEIGHTS]).astype(np.float64) ** 2).sum(axis=(0, 1))
        return squares * first.factor**2
    squares = graph.array(first.weighted.weights).astype(np.float64) ** 2
    if first.node.op_type == "Conv":
        groups = int(attribute(first.node, "group", 1))
        by_input = squares.reshape(groups, squares.shape[0] // groups, squares.shape[1], -1).sum(axis=(1, 3))
    elif first.node.op_type == "ConvTranspose":
        by_input = squares.reshape(squares.shape[0], -1).sum(axis=1)
    else:
        by_input = squares.sum(axis=first.weighted.axis)
    return by_input.reshape(-1) * first.factor**2


def folded(graph: Graph, first: FirstLayer, factor: np.ndarray, offset: np.ndarray) -> dict[int, np.ndarray] | None:
    """The layer's constants by their index among its inputs, for an input of which factor * x + offset (per index of
    `axis`) is what it read before. Without a bias of its own the result has one at index 2 (of a MatMul: 1 << 8, to
    be added behind it). None where the sizes do not fit."""
    if first.weighted is None:
        return _folded_recurrent(graph, first.node, factor, offset)
    layer = Layer(graph, first.weighted)
    by_factor, by_offset = layer.per_input(factor), layer.per_input(offset)
    if by_factor is None or by_offset is None:
        return None
    weights = layer.weights
    added = layer.rows(weights * by_offset).sum(axis=1)
    return {
        1: weights * by_factor,
        BIAS_OF_MATMUL if first.node.op_type == "MatMul" else 2: added + _bias(graph, first),
    }


BIAS_OF_MATMUL = 1 << 8


def _bias(graph: Graph, first: FirstLayer) -> np.ndarray | float:
    """What the layer adds itself. That of a MatMul stays where it is."""
    bias = first.weighted.bias if first.weighted is not None else None
    if bias is None or first.node.op_type == "MatMul":
        return 0.0
    return graph.array(bias).astype(np.float64).reshape(-1)


def _folded_recurrent(
    graph: Graph, node: onnx.NodeProto, factor: np.ndarray, offset: np.ndarray
) -> dict[int, np.ndarray]:
    weights = graph.array(node.input[_WEIGHTS]).astype(np.float64)  # [directions, gates * hidden, features]
    directions, rows, _ = weights.shape
    has_bias = len(node.input) > _BIAS and node.input[_BIAS]
    bias = graph.array(node.input[_BIAS]).astype(np.float64) if has_bias else np.zeros((directions, 2 * rows))
    bias = bias.copy()
    bias[:, :rows] += weights @ offset
    return {_WEIGHTS: weights * factor, _BIAS: bias}
