# SPDX-License-Identifier: CC0-1.0
"""Random small networks over tensors of rank 0 to 6 and any first dimension, empty slices among them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np
import onnx
from small_models import constant, ints, model, node, normal

MOST = 96  # elements of a tensor


@dataclass
class Network:
    """Grows node by node; every tensor that nobody reads becomes an output."""

    chance: random.Random
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, inputs: list[str], shape: tuple[int, ...], **attributes) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(node(operator, inputs, [name], f"{operator}_{len(self.nodes)}", **attributes))
        self.shapes[name] = shape
        return name

    def integers(self, *values: int) -> str:
        self.constants.append(ints(f"c{len(self.constants)}", *values))
        return self.constants[-1].name

    def number(self, value) -> str:
        self.constants.append(constant(f"c{len(self.constants)}", value, np.asarray(value).dtype))
        return self.constants[-1].name

    def pick(self) -> str:
        return self.chance.choice(list(self.shapes))


def network(seed: int, count: int, empties: bool = False) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """`count` nodes behind one or two inputs, and 48 samples."""
    chance = random.Random(seed)
    net = Network(chance)
    for name in ("x", "z")[: chance.choice((1, 1, 2))]:
        rank = chance.randint(0, 6)
        net.shapes[name] = tuple(chance.choice((1, 2, 3, 4)) if i < 4 else 1 for i in range(rank))
    inputs = dict(net.shapes)
    steps = STEPS + (EMPTY * 4 if empties else ())
    while len(net.nodes) < count:
        chance.choice(steps)(net, net.pick())
    read = {name for n in net.nodes for name in n.input}
    outputs = [(n, s) for n, s in net.shapes.items() if n not in read and n not in inputs]
    data = {name: normal(48, *shape, seed=seed % 1000 + i) for i, (name, shape) in enumerate(inputs.items())}
    return model(net.nodes, list(inputs.items()), outputs, net.constants), data


def _unary(net: Network, x: str) -> None:
    net.add(net.chance.choice(("Relu", "Sigmoid", "Tanh", "Neg", "Abs")), [x], net.shapes[x])


def _binary(net: Network, x: str) -> None:
    y = net.pick()
    if net.chance.random() < 0.3:
        y = net.number(np.float32(net.chance.uniform(0.5, 2)))
    shapes = net.shapes[x], net.shapes.get(y, ())
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return
    if math.prod(shape) <= MOST:
        net.add(net.chance.choice(("Add", "Sub", "Mul", "Max", "Min")), [x, y], shape)


def _reduce(net: Network, x: str) -> None:
    shape, keep = net.shapes[x], net.chance.randint(0, 1)
    axes = sorted(net.chance.sample(range(len(shape)), net.chance.randint(1, len(shape)))) if shape else []
    result = tuple(1 if i in axes else s for i, s in enumerate(shape) if keep or i not in axes)
    operator = net.chance.choice(("ReduceMean", "ReduceMax", "ReduceMin"))
    net.add(operator, [x], result if axes else shape, keepdims=keep, **({"axes": axes} if axes else {}))


def _sum(net: Network, x: str) -> None:
    keep = net.chance.randint(0, 1)
    net.add("ReduceSum", [x], (1,) * len(net.shapes[x]) if keep else (), keepdims=keep)


def _squeeze(net: Network, x: str) -> None:
    shape = net.shapes[x]
    axes = [i for i, s in enumerate(shape) if s == 1 and net.chance.random() < 0.7]
    if axes:
        net.add("Squeeze", [x, net.integers(*axes)], tuple(s for i, s in enumerate(shape) if i not in axes))


def _unsqueeze(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if len(shape) < 6:
        axis = net.chance.randint(0, len(shape))
        net.add("Unsqueeze", [x, net.integers(axis)], (*shape[:axis], 1, *shape[axis:]))


def _flat(net: Network, x: str) -> None:
    size = math.prod(net.shapes[x])
    target = () if size == 1 and net.chance.random() < 0.5 else (size,)
    net.add("Reshape", [x, net.integers(*target)], target)


def _transpose(net: Network, x: str) -> None:
    shape = net.shapes[x]
    order = net.chance.sample(range(len(shape)), len(shape))
    if shape:
        net.add("Transpose", [x], tuple(shape[i] for i in order), perm=order)


def _gather(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if shape:
        axis = net.chance.randrange(len(shape))
        index = net.number(np.int64(net.chance.randrange(shape[axis])))
        net.add("Gather", [x, index], (*shape[:axis], *shape[axis + 1 :]), axis=axis)


def _slice(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if shape:
        axis = net.chance.randrange(len(shape))
        first = net.chance.randrange(shape[axis])
        last = net.chance.randint(first + 1, shape[axis])
        inputs = [x, *(net.integers(v) for v in (first, last, axis))]
        net.add("Slice", inputs, (*shape[:axis], last - first, *shape[axis + 1 :]))


def _concat(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if shape and math.prod(shape) * 2 <= MOST:
        axis = net.chance.randrange(len(shape))
        net.add("Concat", [x, x], (*shape[:axis], shape[axis] * 2, *shape[axis + 1 :]), axis=axis)


def _product(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if shape:
        weights = net.number(normal(shape[-1], 3, seed=net.chance.randint(0, 99)))
        net.add("MatMul", [x, weights], (*shape[:-1], 3))


def _softmax(net: Network, x: str) -> None:
    if net.shapes[x]:
        net.add("Softmax", [x], net.shapes[x], axis=-1)


STEPS = (_unary, _binary, _binary, _reduce, _sum, _squeeze, _unsqueeze, _flat, _transpose, _gather, _slice, _concat)
STEPS += (_product, _softmax)


def _nothing(net: Network, x: str) -> tuple[str, int] | None:
    """A slice of `x` without elements, and its axis; it is no tensor that others may pick."""
    shape = net.shapes[x]
    if not shape:
        return None
    axis = net.chance.randrange(len(shape))
    place = net.chance.randrange(shape[axis])
    empty_shape = (*shape[:axis], 0, *shape[axis + 1 :])
    empty = net.add("Slice", [x, *(net.integers(v) for v in (place, place, axis))], empty_shape)
    del net.shapes[empty]
    if net.chance.random() < 0.5:
        empty = net.add(net.chance.choice(("Relu", "Sigmoid", "Identity")), [empty], empty_shape)
        del net.shapes[empty]
    return empty, axis


def _joined(net: Network, x: str) -> None:
    made = _nothing(net, x)
    if made:
        parts = [x, made[0]] if net.chance.random() < 0.5 else [made[0], x]
        net.add("Concat", parts, net.shapes[x], axis=made[1])


def _summed(net: Network, x: str) -> None:
    made = _nothing(net, x)
    if made:
        total = net.add("ReduceSum", [made[0], net.integers(made[1])], net.shapes[x], keepdims=1)
        net.shapes[total] = tuple(1 if i == made[1] else s for i, s in enumerate(net.shapes[x]))
        net.add("Add", [x, total], net.shapes[x])


def _split(net: Network, x: str) -> None:
    shape = net.shapes[x]
    if shape:
        axis = net.chance.randrange(len(shape))
        sizes = [0, shape[axis]] if net.chance.random() < 0.5 else [shape[axis], 0]
        names = [f"t{len(net.nodes)}", f"t{len(net.nodes)}b"]
        net.nodes.append(node("Split", [x, net.integers(*sizes)], names, f"Split_{len(net.nodes)}", axis=axis))
        net.shapes[names[sizes.index(shape[axis])]] = shape
        if net.chance.random() < 0.5:
            net.add("Concat", names, shape, axis=axis)


EMPTY = (_joined, _summed, _split)
