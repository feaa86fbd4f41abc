# SPDX-License-Identifier: CC0-1.0
"""The reference runner: aliases share memory, and nothing malformed passes."""

from __future__ import annotations

import dataclasses

import hand_made
import numpy as np
import pytest

from espdl.verify import reference


def test_all_tensors() -> None:
    plan = hand_made.residual_network()
    inputs = {name: array[2] for name, array in hand_made.samples(plan, 3).items()}
    values = reference.run(plan, inputs)
    assert set(values) == {t.name for t in plan.tensors}
    for tensor in plan.tensors:
        assert (values[tensor.name].dtype, values[tensor.name].shape) == (np.dtype(tensor.dtype), tensor.shape)
    parts = np.concatenate([values["mean"].ravel(), values["most"].ravel()])
    assert np.array_equal(parts, values["both"].ravel())
    assert np.array_equal(parts, values["flat"])
    assert len(np.unique(values["sum"])) > 20  # it computes something


def test_arena_offsets_do_not_matter() -> None:
    """The reference gives every tensor memory of its own, so a wrong memory plan cannot hide in it."""
    plan = hand_made.residual_network()
    inputs = {name: array[0] for name, array in hand_made.samples(plan, 1).items()}
    broken = dataclasses.replace(plan, tensors=tuple(dataclasses.replace(t, offset=0) for t in plan.tensors))
    for name, value in reference.run(plan, inputs).items():
        assert np.array_equal(value, reference.run(broken, inputs)[name])


def test_refusals() -> None:
    plan = hand_made.residual_network()
    image = np.zeros((1, 8, 8, 1), np.int8)
    with pytest.raises(ValueError, match="no value for the input 'image'"):
        reference.run(plan, {})
    with pytest.raises(ValueError, match="has no input 'picture'"):
        reference.run(plan, {"image": image, "picture": image})
    with pytest.raises(ValueError, match="the input 'image' is float64"):
        reference.run(plan, {"image": image.astype(float)})
    with pytest.raises(ValueError, match="the input 'image' is int8"):
        reference.run(plan, {"image": image[:, :4]})
    unknown = dataclasses.replace(plan, calls=(dataclasses.replace(plan.calls[0], operator="nothing"), *plan.calls[1:]))
    with pytest.raises(ValueError, match="'nothing' has no reference"):
        reference.run(unknown, {"image": image})
