# SPDX-License-Identifier: CC0-1.0
"""Kernels whose vectors must lie at multiples of 16: the Plan gives them no others (plan/test_joins.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vector_harness import AFFINE, TARGET

from espdl import backends
from espdl.backends.lowering import lowerings
from espdl.ops.layer_norm import LayerNorm
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.operator import Operator
from espdl.ops.softmax import Softmax
from espdl.plan import graph as graphs
from espdl.plan.stripes import RowCall, Striped
from espdl.plan.types import Port, Tensor
from espdl.targets import Target

# Scalar code takes what is misaligned, moves choose their words by addresses; both are tested from every address.
ANY_ADDRESS = {"add", "concat", "copy", "flip_sign", "gather", "gather_pixels", "mul"}
ANY_ADDRESS |= {"layer_norm", "max_pool2d", "rescale", "rescale_channels", "softmax"}


def test_all_other_kernels_need_alignment() -> None:
    needs = {operator: entry.alignment for (backend, operator, _), entry in lowerings().items() if backend == "esp32s3"}
    assert needs == {operator: 1 if operator in ANY_ADDRESS else 16 for operator in needs}
    assert ANY_ADDRESS <= set(needs)


def ragged(kind: str, width: int, channels: int) -> Operator:
    """A layer of rows that are no whole vectors."""
    x = Tensor("x", (1, 8, width, channels), "int8", 2.0**-7, 0)
    y = replace(x, name="y")
    if kind == "softmax":
        return Softmax((x,), (y,), (), channels)
    if kind == "layer_norm":
        return LayerNorm((x,), (replace(y, scale=2.0**-5),), (), np.ones(channels), np.zeros(channels), 1e-5)
    window = ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    return MaxPool2d((x,), (replace(y, shape=(1, 4, width // 2, channels)),), (), *window, None)


@pytest.mark.parametrize("target", [TARGET, AFFINE], ids=lambda t: t.scheme)
@pytest.mark.parametrize("kind", ["max_pool2d", "layer_norm", "softmax"])
@pytest.mark.parametrize("width, channels", [(6, 30), (14, 20), (10, 17)])
def test_ragged_rows_run_in_stripes(kind: str, width: int, channels: int, target: Target) -> None:
    """As with portable kernels, which these must not replace at the price of a larger arena."""
    node = ragged(kind, width, channels)
    tensors = {t.name: t for t in (*node.inputs, *node.outputs)}
    call = backends.with_rows(backends.lower(node, target), tensors.__getitem__)
    assert call.backend == "esp32s3"
    network = graphs.build([call], tensors.values(), [Port("x", "x")], [Port("y", "y")])
    (row,) = Striped(network).calls
    assert isinstance(row, RowCall), row
