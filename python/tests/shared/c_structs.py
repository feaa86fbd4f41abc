# SPDX-License-Identifier: CC0-1.0
"""The parameter structs of kernels: as the headers declare them, and as the package has them."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from espdl.plan.params import Params

ROOT = Path(__file__).resolve().parents[3]
C_KINDS = {int: "int32_t", float: "float", str: "espdl_rounding_t", tuple[int, ...]: "int32_t[]"}


@dataclass(frozen=True)
class CField:
    """`kind`: the C type, with "[]" where it is an array, which has `length` items."""

    name: str
    kind: str
    length: int = 1


@cache
def declared() -> dict[str, list[CField]]:
    """All structs of public headers, of all kernels and chips."""
    headers = [*ROOT.glob("include/espdl/kernels/*.h"), *ROOT.glob("port/*/include/espdl/*/*.h")]
    texts = [re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S) for header in headers]
    found = [match for text in texts for match in re.findall(r"typedef struct \{([^}]*)\} (\w+_params_t);", text)]
    assert len({name for _, name in found}) == len(found)
    return {name: list(_fields(body)) for body, name in found}


def _fields(body: str) -> Iterator[CField]:
    for declaration in filter(str.strip, body.split(";")):
        kind, names = declaration.split(maxsplit=1)
        for name in names.split(","):
            match = re.fullmatch(r"\s*(\w+)(?:\[(\d+)\])?\s*", name)
            assert match is not None, f"{name} in {body}"
            yield CField(match[1], f"{kind}[]", int(match[2])) if match[2] else CField(match[1], kind)


def of_class(struct: type[Params]) -> list[tuple[str, str]]:
    """(name, kind) of the fields of a dataclass."""
    hints = typing.get_type_hints(struct)
    kinds = [hints[field.name] for field in fields(struct)]
    return [(f.name, C_KINDS.get(k) or k.c_type) for f, k in zip(fields(struct), kinds, strict=True)]


def subclasses(struct: type[Params] = Params) -> Iterator[type[Params]]:
    """All that stand for a C struct."""
    for inner in struct.__subclasses__():
        yield from (inner, *subclasses(inner)) if inner.c_type else subclasses(inner)


def check(params: Params) -> None:
    """The values are of the types that the struct declares, and its arrays have all their items."""
    for field in declared()[params.c_type]:
        value = getattr(params, field.name)
        if isinstance(value, Params):
            check(value)
            continue
        expected = {"float": float, "int32_t": int, "int32_t[]": int}.get(field.kind, str)
        items = value if field.kind.endswith("[]") else (value,)
        assert len(items) == field.length and all(type(item) is expected for item in items), (field, value)
