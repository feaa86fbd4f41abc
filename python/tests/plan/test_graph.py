# SPDX-License-Identifier: CC0-1.0
"""Malformed networks are refused with the call and the tensor in the text."""

from __future__ import annotations

import pytest
from plan_networks import call, tensor

from espdl.plan import graph
from espdl.plan.types import Port

X, Y, Z = (tensor(name, 32) for name in "xyz")


@pytest.mark.parametrize(
    ("calls", "tensors", "message"),
    [
        ([call("x", "y")], [X], "tensor 'y' is not defined, but 'y' is a port of the model"),
        ([call("xw", "y")], [X, Y], "tensor 'w' is not defined, but call 0"),
        ([call("x", "y")], [X, Y, Y], "tensor 'y' is defined twice"),
        ([call("z", "y")], [X, Y, Z], "reads tensor 'z' before it is written"),
        ([call("y", "z"), call("x", "y")], [X, Y, Z], "call 0 .* reads tensor 'y' before it is written"),
        ([call("x", "z")], [X, Y, Z], "the model's output tensor 'y' is never written"),
        ([call("x", "y", ((1, 0),))], [X, Y], "it pairs input 1 with output 0"),
        ([call("x", "y")], [X, tensor("y", 32, "y")], "'y' is an alias of itself"),
        ([call("x", "y")], [X, tensor("y", 32, "q")], "tensor 'q' is not defined, but 'y' is an alias of it"),
        ([call("x", "y")], [X, tensor("y", 33, "x")], "'y' takes bytes 0 to 33 of 'x', which has 32"),
        ([call("x", "y")], [X, tensor("y", 8, "z", -8), Z], "'y' takes bytes -8 to 0"),
        ([call("x", "p")], [X, Y, tensor("p", 16, "y")], "the model's output tensor 'y' is never written"),
    ],
)
def test_malformed(calls: list, tensors: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph.build(calls, tensors, [Port("x", "x")], [Port("y", "y")])
