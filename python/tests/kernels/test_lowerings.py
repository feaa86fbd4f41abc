# SPDX-License-Identifier: CC0-1.0
"""The registry of lowerings: complete, and without doubles."""

from __future__ import annotations

import pytest

from espdl.backends.lowering import ANY, lowering, lowerings
from espdl.ops.operator import operators


def test_every_operator_has_a_lowering() -> None:
    known = {(backend, operator) for backend, operator, _ in lowerings()}
    missing = {name for name in operators() if not known & {("portable", name), ("tvm", name)}}
    assert not missing
    assert {operator for _, operator in known} <= set(operators())
    assert {dtype for _, _, dtype in lowerings()} == {"int8", "int16", "float32", ANY}


def test_two_lowerings_of_one_operator_are_refused() -> None:
    with pytest.raises(RuntimeError, match="backend 'portable' lowers 'add' of int16"):
        lowering("add", "portable", "int16")(lambda node, target: pytest.fail("nobody calls it"))
