# SPDX-License-Identifier: Apache-2.0
"""The reference of recurrent layers but for what one step computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from espdl.ops.operator import Arrays, Constants
from espdl.ops.recurrent import AnyRecurrentParams, RecurrentF32Params
from espdl.ops.recurrent_arithmetic import Arithmetic
from espdl.ops.recurrent_floats import Floats
from espdl.ops.recurrent_integers import Integers

# step(arithmetic, x, h) is what a step gives; of a layer with cells, step(arithmetic, x, h, c) is that and the cells
# behind it.
Step = Callable[..., tuple[np.ndarray, ...]]


def run(
    params: AnyRecurrentParams, inputs: Arrays, constants: Constants, step: Step, has_cells: bool = False
) -> list[np.ndarray]:
    """The outputs of a call: all that its steps give, [steps, batch, hidden]; the last cells where it writes them."""
    a: Arithmetic
    if isinstance(params, RecurrentF32Params):
        a = Floats(params, constants, inputs[0].dtype)
    else:
        a = Integers(params, constants, inputs[0].dtype)
    first = [a.first(name, index, inputs) for index, name in enumerate("hc" if has_cells else "h", 1)]
    rows, cells = [], []
    for sequence, h, *c in zip(a.sequences(inputs[0]), *first):
        results = []
        for x in sequence:
            state, *c = step(a, x, h, *c)
            h = a.kept(state)
            results.append(a.output(state))
        rows.append(np.stack(results))
        cells += c
    sequences = np.stack(rows, axis=1)
    return [sequences, a.output(np.stack(cells), "cells")] if has_cells and a.gives_cells else [sequences]
