# SPDX-License-Identifier: CC0-1.0
"""GatherElements at constant places: C against the reference, models against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_models as small
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts

from espdl.backends import lower
from espdl.ops.gather_elements import GatherElements, GatherElementsParams
from espdl.plan.types import Tensor

WHOLE = "what one element is taken from lies anywhere in the input"


@runs("espdl_gather_elements", rows=WHOLE)
@given(st.data(), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans(), shifts)
@examples
def test_gather_elements(data: st.DataObject, sizes: list[int], one_by_one: bool, shift: int) -> None:
    """`one_by_one`: an index for every element; else one for all elements behind the axis, which stay together."""
    dtype = data.draw(st.sampled_from(["int8", "int16", "float32", "int64"]))
    axis = data.draw(st.integers(0, len(sizes) - 1))
    taken = [data.draw(st.integers(1, 6)) if a == axis else size for a, size in enumerate(sizes)]
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    drawn = [size if one_by_one or a <= axis else 1 for a, size in enumerate(taken)]
    index = np.broadcast_to(random.integers(0, sizes[axis], drawn), taken)
    x: np.ndarray = data.draw(contents(tuple(sizes))).astype(dtype)
    places = np.take_along_axis(np.arange(x.size).reshape(sizes), index, axis)
    node = GatherElements((Tensor("x", x.shape, dtype),), (Tensor("y", places.shape, dtype),), (), places)
    call = lower(node, TARGETS[0])
    behind = int(np.prod(taken[axis + 1 :]))
    assert isinstance(call.params, GatherElementsParams)
    assert call.params.bytes % x.itemsize == 0
    assert one_by_one or call.params.bytes >= behind * x.itemsize
    (result,) = check(call, x, shift=shift)
    np.testing.assert_array_equal(result.reshape(taken), np.take_along_axis(x, index, axis))


GATHERED = np.random.default_rng(5).integers(-3, 3, (1, 2, 4)), {"axis": 1}
REVERSED = np.array([2, 3, 1, 3]), {"time_axis": 1, "batch_axis": 2}


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize(("operator", "form"), [("GatherElements", GATHERED), ("ReverseSequence", REVERSED)])
def test_a_model_uses_it(operator: str, form: tuple, precision: str, tmp_path: Path) -> None:
    """Behind a layer, with its scale: one call of integers."""
    values, attributes = form
    shape = values.shape if operator == "GatherElements" else (1, 3, 4)
    nodes, constants = small.join(
        small.dense("x", "d", 5, 12),
        small.node("Reshape", ["d", "shape"], ["r"], "reshape"),
        small.node(operator, ["r", "places"], ["y"], "taken", **attributes),
    )
    constants += [small.ints("shape", 1, 3, 4), small.constant("places", values, np.int64)]
    proto = small.model(nodes, [("x", [1, 5])], [("y", shape)], constants)
    data = {"x": small.normal(16, 5)}
    made = small.compiled(proto, data, tmp_path, precision=precision)
    assert [c.operator for c in made.plan.calls[1:]] == ["gather_elements"]
    assert small.steps_off(made, data) <= 1
