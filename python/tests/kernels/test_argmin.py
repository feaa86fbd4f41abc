# SPDX-License-Identifier: CC0-1.0
"""ArgMin: C against the reference; in a model, the answer of numpy on the integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_models as small
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from row_facts import pointwise
from strategies import TARGETS, contents, shifts

from espdl.backends import lower
from espdl.ops.argmin import ArgMin
from espdl.plan.types import Tensor
from espdl.verify import reference, samples


@runs("espdl_argmin_s8", rows=pointwise("outer"))
@given(st.data(), st.tuples(st.integers(1, 5), st.integers(1, 300), st.integers(1, 5)), shifts)
@examples
def test_argmin(data: st.DataObject, sizes: tuple[int, int, int], shift: int) -> None:
    values = data.draw(contents(sizes))
    node = ArgMin((Tensor("x", sizes, "int8", 0.1),), (Tensor("y", (sizes[0], sizes[2]), "int64"),), (), sizes)
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    for i, k in np.ndindex(*result.shape):
        row = values[i, :, k].tolist()
        assert result[i, k] == row.index(min(row))


@pytest.mark.parametrize(("axis", "keepdims", "moves"), [(1, 0, 0), (1, 1, 0), (3, 1, 1), (2, 0, 1)])
def test_a_model_uses_it(axis: int, keepdims: int, moves: int, tmp_path: Path) -> None:
    """Behind a convolution, channels last; another axis costs one permutation."""
    shape = np.argmin(np.zeros((1, 5, 4, 6)), axis, keepdims=keepdims).shape
    nodes, constants = small.join(
        small.conv("x", "c", 3, 5, (3, 3), pads=[1] * 4),
        small.node("ArgMin", ["c"], ["y"], "worst", axis=axis, keepdims=keepdims),
    )
    model = small.model(nodes, [("x", [1, 3, 4, 6])], [("y", shape, TensorProto.INT64)], constants)
    values = small.normal(8, 3, 4, 6)
    plan = small.compiled(model, {"x": values}, tmp_path, input_layout="nhwc").plan
    assert sorted(c.operator for c in plan.calls) == sorted(["conv2d", "argmin", *["transpose"] * moves])
    conv = next(c.outputs[0] for c in plan.calls if c.operator == "conv2d")
    for sample in samples.to_tensors(plan, {"x": values})["x"]:
        found = reference.run(plan, {"x": sample})
        expected = found[conv].reshape(1, 4, 6, 5).transpose(0, 3, 1, 2).argmin(axis)
        np.testing.assert_array_equal(found[plan.outputs[0].tensor].reshape(expected.shape), expected)
