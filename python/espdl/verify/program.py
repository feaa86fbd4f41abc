# SPDX-License-Identifier: Apache-2.0
"""What a program made of the harness and a compiled model reads and writes (`harness/harness.c`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espdl.errors import present
from espdl.plan.types import Plan, Tensor


@dataclass(frozen=True)
class Results:
    """What a program gave for N samples.

    `outputs`: by name of the port, [N, shape of the tensor]. `layers`: per call, one such array for each of its
    outputs, as they were when the layer ended; empty where they were not asked for.
    """

    outputs: dict[str, np.ndarray]
    layers: tuple[tuple[np.ndarray, ...], ...]


def stream(plan: Plan, inputs: Mapping[str, np.ndarray], layers: bool, costs: bool = False) -> bytes:
    """The bytes to feed: `inputs` are by name of the port, [N, ...], in the tensor's dtype; ValueError otherwise.

    A sample of a stream is a push. `layers` asks for every layer's outputs, `costs` for what each layer costs, on
    machines that count it.
    """
    columns = []
    for port in plan.inputs:
        tensor = plan.tensor(port.tensor)
        if tensor.source == "state":
            continue
        array = np.ascontiguousarray(inputs[port.name])
        count = _pushed(plan) if tensor.source == "stream" else tensor.count
        if array.ndim == 0 or array.dtype != np.dtype(tensor.dtype) or array.size != len(array) * count:
            wanted = f"{tensor.dtype}[N] of {count} values each"
            raise ValueError(f"the input {port.name!r} is {array.dtype}{list(array.shape)}, not {wanted}")
        columns.append(array.reshape(len(array), -1).view(np.uint8))
    if len({len(column) for column in columns}) > 1:
        raise ValueError("the inputs have different numbers of samples")
    samples = len(columns[0]) if columns else 1
    head = np.array([samples, int(layers) + 2 * int(costs)], "<u4").tobytes()
    return head + (np.concatenate(columns, axis=1).tobytes() if columns else b"")


def _pushed(plan: Plan) -> int:
    """Values of a push of the plan's stream."""
    stream = present(plan.stream)
    return stream.hop * plan.tensor(stream.input).count // stream.tensors[0].rows


def parse(plan: Plan, data: bytes, layers: bool) -> Results:
    """What the program wrote; ValueError where it is not a whole number of samples."""
    tensors: list[Tensor] = []
    if layers:
        tensors += [plan.tensor(name) for call in plan.calls for name in call.outputs]
    tensors += [plan.tensor(port.tensor) for port in plan.outputs]
    size = sum(tensor.nbytes for tensor in tensors)
    if size == 0 or len(data) % size:
        raise ValueError(f"the program wrote {len(data)} bytes, no multiple of the {size} of one sample")
    rows = np.frombuffer(data, np.uint8).reshape(-1, size)
    arrays, start = [], 0
    for tensor in tensors:
        part = np.ascontiguousarray(rows[:, start : start + tensor.nbytes])
        arrays.append(part.view(tensor.dtype).reshape(len(rows), *tensor.shape))
        start += tensor.nbytes
    iterator = iter(arrays)
    taken = tuple(tuple(next(iterator) for _ in call.outputs) for call in plan.calls) if layers else ()
    return Results({port.name: next(iterator) for port in plan.outputs}, taken)
