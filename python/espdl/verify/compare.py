# SPDX-License-Identifier: Apache-2.0
"""Generated C against the reference, bit for bit, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espdl.plan.types import Plan
from espdl.verify import reference
from espdl.verify.program import Results


@dataclass(frozen=True)
class Difference:
    """The first value that differs: in `sample`, in the output tensor `tensor` of layer `call` (None: of the model)."""

    sample: int
    call: int | None
    tensor: str
    index: tuple[int, ...]
    expected: int | float
    got: int | float

    def __str__(self) -> str:
        where = "the model's output" if self.call is None else f"layer {self.call}"
        return (
            f"sample {self.sample}, {where}, tensor '{self.tensor}'{list(self.index)}: "
            f"expected {self.expected}, got {self.got}"
        )


def first_difference(plan: Plan, inputs: Mapping[str, np.ndarray], results: Results) -> Difference | None:
    """Where a program's `results` for `inputs` (by port, [N, ...]) first differ from the reference; None: nowhere."""
    for sample in range(len(next(iter(results.outputs.values())))):
        expected = reference.run(plan, {name: array[sample] for name, array in inputs.items()})
        for call, (node, arrays) in enumerate(zip(plan.calls, results.layers, strict=False)):
            for name, array in zip(node.outputs, arrays, strict=True):
                found = _compare(sample, call, name, expected[name], array[sample])
                if found:
                    return found
        for port in plan.outputs:
            found = _compare(sample, None, port.tensor, expected[port.tensor], results.outputs[port.name][sample])
            if found:
                return found
    return None


def _compare(sample: int, call: int | None, name: str, expected: np.ndarray, got: np.ndarray) -> Difference | None:
    # As bytes: a NaN equals itself, and 0.0 differs from -0.0.
    item = np.dtype(f"u{expected.dtype.itemsize}")
    expected, got = np.atleast_1d(expected), np.atleast_1d(got)
    places = np.argwhere(np.ascontiguousarray(expected).view(item) != np.ascontiguousarray(got).view(item))
    if not len(places):
        return None
    index = tuple(int(i) for i in places[0])
    return Difference(sample, call, name, index, expected[index].item(), got[index].item())
