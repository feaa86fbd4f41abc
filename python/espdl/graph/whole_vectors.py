# SPDX-License-Identifier: Apache-2.0
"""Channels that make whole vectors: tensors between layers get more of them, which hold nothing that counts.

Kernels for vectors are slow where the channels of a tensor are none. So a layer computes some more, of weights that are
zero, and those who read them have weights of zero for them. The values of all others stay what they are, and so do
inputs and outputs of the model. Not every tensor gains by it: estimates decide, and the memory that they take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from espdl.graph.types import OperatorGraph
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import Lookup, Table
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.operator import Operator
from espdl.plan.types import Tensor

Estimate = Callable[[Operator], float]
_Convolution = TypeVar("_Convolution", Conv2d, ConvTranspose2d)
# Operators whose outputs have their inputs' channels, one by one.
_FOLLOWING = (Add, AveragePool2d, Lookup, MaxPool2d, Mul, Table)
# Of those, what writes its output over an input.
_IN_PLACE = (Add, Lookup, Mul, Table)


def with_whole_vectors(
    graph: OperatorGraph, lanes: int, estimate: Estimate, fits: Callable[[OperatorGraph], bool] = lambda _: True
) -> OperatorGraph:
    """`graph` with such channels a multiple of `lanes` where `estimate`, the instructions of an operator, is less; if
    that does not fit, with fewer of them: those that take the least memory more."""
    network = _Network(graph, lanes)
    chosen = set(range(len(network.families)))
    best = network.cost(chosen, estimate)
    for family in sorted(chosen):
        without = network.cost(chosen - {family}, estimate)
        if without <= best or network.is_too_large(chosen, family):
            chosen, best = chosen - {family}, without
    some = sorted(chosen, key=network.further_bytes)
    while some and not fits(network.padded(some)):
        some = some[: len(some) // 2]
    return network.padded(some) if some else graph


class _Network:
    """`families`: tensors that have more channels together or not at all."""

    def __init__(self, graph: OperatorGraph, lanes: int):
        self.graph = graph
        self.lanes = lanes
        self.tensors = graph.tensors()
        seen = {graph.root(p.tensor) for p in (*graph.inputs, *graph.outputs)}
        family_of: dict[str, set[str]] = {name: {name} for name in self.tensors}
        for operator in graph.operators:
            for names in _together(operator):
                joined = set.union(*(family_of[graph.root(name)] for name in names))
                family_of.update(dict.fromkeys(joined, joined))
        unlike = {t.name for o in graph.operators for t in (*o.inputs, *o.outputs) if not self._takes(o, t)}
        unlike |= {graph.root(name) for name in unlike} | seen
        families = {id(f): f for f in family_of.values() if not f & unlike}
        self.families = [f for f in families.values() if self._is_ragged(min(f))]
        self.known: dict[tuple, float] = {}

    def _is_ragged(self, name: str) -> bool:
        tensor = self.tensors[name]
        return tensor.dtype == "int8" and len(tensor.shape) == 4 and tensor.shape[3] % self.lanes != 0

    def _takes(self, operator: Operator, tensor: Tensor) -> bool:
        """Whether the operator can have more channels in this tensor."""
        if isinstance(operator, Gemm):
            root = self.tensors[self.graph.root(tensor.name)]
            return tensor.name in {t.name for t in operator.inputs} and root.shape == (1, 1, 1, tensor.count)
        if isinstance(operator, AveragePool2d) and operator.image != tensor.shape[1:] and tensor in operator.inputs:
            return False
        if isinstance(operator, Conv2dPlanar) and tensor in operator.inputs:
            return False
        return len(tensor.shape) == 4 and tensor.name == self.graph.root(tensor.name) and _is_known(operator)

    def cost(self, chosen: Collection[int], estimate: Estimate) -> float:
        """Of all operators; each is estimated once with each of its shapes."""
        wide, total = self._wide(chosen), 0.0
        for operator in self.graph.operators:
            key = (id(operator), *(wide(t).shape for t in (*operator.inputs, *operator.outputs)))
            if key not in self.known:
                self.known[key] = estimate(_widened(operator, wide))
            total += self.known[key]
        return total

    def is_too_large(self, chosen: Collection[int], family: int) -> bool:
        """Whether a layer of this family then needs more memory than the largest of all does without."""
        most = max(self._memory(o) for o in self.graph.operators)
        names, wide = self.families[family], self._wide(chosen)
        touched = [o for o in self.graph.operators if any(t.name in names for t in (*o.inputs, *o.outputs))]
        return any(self._memory(o, wide) > most for o in touched)

    def _memory(self, operator: Operator, wide: Callable[[Tensor], Tensor] = lambda tensor: tensor) -> int:
        """Bytes of its tensors; and of a row of vectors, through which outputs go that are none."""
        (y, *_) = map(wide, operator.outputs)
        tensors = [*operator.inputs, *(() if isinstance(operator, _IN_PLACE) else operator.outputs)]
        is_scattered = isinstance(operator, Conv2d | Conv2dPlanar | ConvTranspose2d) and y.shape[3] % self.lanes
        return _memory(map(wide, tensors)) + (self.lanes * y.shape[2] if is_scattered else 0)

    def further_bytes(self, family: int) -> int:
        """Of its tensors."""
        tensors, wide = [self.tensors[name] for name in self.families[family]], self._wide([family])
        return _memory(map(wide, tensors)) - _memory(tensors)

    def padded(self, chosen: Iterable[int]) -> OperatorGraph:
        wide = self._wide(chosen)
        operators = tuple(_widened(operator, wide) for operator in self.graph.operators)
        return replace(self.graph, operators=operators, aliases=tuple(map(wide, self.graph.aliases)))

    def _wide(self, chosen: Iterable[int]) -> Callable[[Tensor], Tensor]:
        names: set[str] = set().union(*(self.families[i] for i in chosen))

        def wide(tensor: Tensor) -> Tensor:
            root = self.graph.root(tensor.name)
            if root not in names:
                return tensor
            count = self.tensors[root].shape[3]
            return replace(tensor, shape=(*tensor.shape[:-1], count + -count % self.lanes))

        return wide


def _memory(tensors: Iterable[Tensor]) -> int:
    return sum(t.nbytes for t in {t.name: t for t in tensors}.values())


def _is_depthwise(operator: Operator) -> bool:
    return isinstance(operator, Conv2d) and operator.groups > 1


def _is_known(operator: Operator) -> bool:
    if isinstance(operator, Conv2dPlanar):
        return operator.conv.groups == 1
    if isinstance(operator, Conv2d):
        return operator.groups == 1 or operator.groups == operator.inputs[0].shape[3] == len(operator.weights)
    if isinstance(operator, Mul):
        # A value for all channels, or a constant, stays as it is.
        return operator.values is None and {t.shape[-1] for t in (operator.a, operator.b)} == {
            operator.outputs[0].shape[-1]
        }
    return isinstance(operator, (*_FOLLOWING, ConvTranspose2d))


def _together(operator: Operator) -> list[list[str]]:
    """Names of tensors of an operator that have the same channels."""
    (y, *_) = operator.outputs
    if isinstance(operator, _FOLLOWING) or _is_depthwise(operator):
        return [[*(t.name for t in operator.inputs), y.name]]
    return []


def _widened(operator: Operator, wide: Callable[[Tensor], Tensor]) -> Operator:
    """`operator` on tensors of more channels."""
    inputs, outputs = tuple(map(wide, operator.inputs)), tuple(map(wide, operator.outputs))
    if inputs == operator.inputs and outputs == operator.outputs:
        return operator
    changed = replace(operator, inputs=inputs, outputs=outputs)
    if isinstance(changed, Conv2d):
        return _convolution(changed, outputs[0].shape[3])
    if isinstance(changed, ConvTranspose2d):
        return _convolution(changed, outputs[0].shape[3])
    if isinstance(changed, Mul):
        return replace(changed, a=wide(changed.a), b=wide(changed.b))
    if isinstance(changed, Conv2dPlanar):
        conv = replace(changed.conv, outputs=outputs)
        return replace(changed, conv=_convolution(conv, outputs[0].shape[3]))
    if isinstance(changed, Gemm):
        missing = inputs[0].count - operator.inputs[0].count
        return replace(changed, weights=np.pad(changed.weights, ((0, 0), (0, missing))))
    if isinstance(changed, AveragePool2d):
        return replace(changed, image=(*changed.image[:2], outputs[0].shape[3]))
    return changed


def _convolution(node: _Convolution, channels: int) -> _Convolution:
    """With weights of zero for the channels that were not there; their scale is that of the last."""
    (x,), depthwise = node.inputs, _is_depthwise(node)
    more, inner = channels - len(node.weights), 0 if depthwise else x.shape[3] - node.weights.shape[3]
    weights = np.pad(node.weights, ((0, more), (0, 0), (0, 0), (0, inner)))
    scale, bias = np.pad(node.weights_scale, (0, more), mode="edge"), np.pad(node.bias, (0, more))
    changed = replace(node, weights=weights, weights_scale=scale, bias=bias)
    return replace(changed, groups=channels) if isinstance(changed, Conv2d) and depthwise else changed
