# SPDX-License-Identifier: Apache-2.0
"""Parameters of kernel calls: dataclasses that are the fields of a C struct, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # part of `typing` since Python 3.11, and of interest to type checkers only
    dataclass_transform = lambda **_: lambda cls: cls  # noqa: E731

# A C field's value: an integer, a float, an array of integers, or the name of a C enumerator ("ESPDL_ROUND_HALF_UP").
ParamValue = int | float | str | tuple


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True)
class Params:
    """What all parameter structs are: `class AddParams(Params, c_type="espdl_add_params_t")`; frozen dataclasses.

    A field is an int (int32_t), a float, a str (an enumerator), a tuple of int (an array), or Params (a struct inside).
    A class without `c_type` is a part that several structs share. Of several bases, dataclasses take the fields of the
    last one first.
    """

    c_type: ClassVar[str] = ""

    def __init_subclass__(cls, c_type: str = "") -> None:
        super().__init_subclass__()
        if c_type and _structs.setdefault(c_type, cls) is not cls:
            raise RuntimeError(f"struct {c_type} is defined in {_structs[c_type].__module__} and in {cls.__module__}")
        cls.c_type = c_type
        dataclass(frozen=True)(cls)

    def flat(self) -> Iterator[tuple[str, ParamValue]]:
        """All values in the order of the C struct, by their designators: those of a struct inside as "conv.groups"."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Params):
                yield from ((f"{field.name}.{name}", inner) for name, inner in value.flat())
            else:
                yield field.name, value


_structs: dict[str, type[Params]] = {}


def struct(c_type: str) -> type[Params]:
    """The class for a C struct; ValueError where no imported file has it."""
    if c_type not in _structs:
        raise ValueError(f"'{c_type}' is no parameter struct of a kernel that this version knows")
    return _structs[c_type]
