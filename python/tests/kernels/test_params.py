# SPDX-License-Identifier: CC0-1.0
"""Parameters of calls are the structs of the headers, field by field."""

from __future__ import annotations

import c_structs
import pytest

from espdl.backends.lowering import lowerings
from espdl.ops.conv2d_add import Conv2dAddParams
from espdl.ops.quantize import QuantizeParams
from espdl.plan.params import Params, struct


def test_every_struct_has_its_class() -> None:
    """Also those of kernels for one chip. A field that is added, removed, renamed or moved in one of both fails."""
    lowerings()
    classes = {known.c_type: c_structs.of_class(known) for known in c_structs.subclasses()}
    assert classes == {name: [(f.name, f.kind) for f in fields] for name, fields in c_structs.declared().items()}
    assert len(classes) > 40


@pytest.mark.parametrize(
    "fields",
    [
        [("count", "int"), ("scale", "float")],
        [("count", "int"), ("scale", "float"), ("zero", "int")],
        [("scale", "float"), ("count", "int"), ("zero_point", "int")],
        [("count", "int"), ("scale", "int"), ("zero_point", "int")],
        [("count", "int"), ("scale", "float"), ("zero_point", "tuple[int, ...]")],
        [("count", "int"), ("scale", "float"), ("zero_point", "QuantizeParams")],
    ],
)
def test_differences_show(fields: list[tuple[str, str]]) -> None:
    """Missing, renamed, moved, of another kind, an array, a struct."""
    other = type("Other", (Params,), {"__annotations__": dict(fields), "__module__": __name__})
    assert c_structs.of_class(other) != c_structs.of_class(QuantizeParams)


def test_shared_fields_come_first() -> None:
    names = [name for name, _ in c_structs.of_class(Conv2dAddParams)]
    assert names == ["conv", "add"]


def test_one_class_per_struct() -> None:
    with pytest.raises(RuntimeError, match="espdl_add_params_t is defined in espdl.ops.add and in"):

        class Again(Params, c_type="espdl_add_params_t"):
            count: int


def test_unknown_struct() -> None:
    with pytest.raises(ValueError, match="'espdl_other_params_t' is no parameter struct of a kernel"):
        struct("espdl_other_params_t")
