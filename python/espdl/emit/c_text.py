# SPDX-License-Identifier: Apache-2.0
"""Values and names as C text. Names come from models of strangers: nothing here lets them end a comment or a string."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from espdl.errors import EspdlError
from espdl.plan.params import ParamValue
from espdl.wording import option

MAX_TEXT = 80
COLUMNS = 110

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "bool": "bool",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "float32": "float",
    "float64": "double",
}

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MAX_IDENTIFIER = 40
_MAX_MODEL_NAME = 48

KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false final float for friend goto if
    import inline int long module mutable namespace new noexcept not not_eq nullptr operator or or_eq override
    private protected public register reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename
    typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split()
)


def check_model_name(name: str) -> None:
    """Raises EspdlError where `name` cannot be the prefix of the generated C."""
    if not _IDENTIFIER.fullmatch(name) or name in KEYWORDS:
        why = "it is a keyword of C or C++" if name in KEYWORDS else "it is no C identifier"
        raise EspdlError(
            f"model name {printable(name)!r}", why, f"pass {option('name')} with letters, digits and underscores"
        )
    if len(name) > _MAX_MODEL_NAME:
        why = f"it has {len(name)} characters; C compilers tell 63 apart, and the generated names are longer"
        raise EspdlError(
            f"model name '{printable(name)}'", why, f"pass {option('name')} with at most {_MAX_MODEL_NAME} characters"
        )
    if name.lower() == "espdl" or name.lower().startswith("espdl_"):
        why = "names that begin with espdl belong to the runtime"
        raise EspdlError(f"model name '{name}'", why, f"pass another {option('name')}")


def symbol(name: str) -> str:
    """`name`, which a backend chose; ValueError where it is no C identifier."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is no C identifier")
    return name


def field(path: str) -> str:
    """The name of a field, or a path to one in a struct inside (`conv.stride_height`) or to an item of an array
    (`shape[1]`); ValueError for anything else."""
    name, bracket, index = path.partition("[")
    if bracket and not re.fullmatch(r"[0-9]+\]", index):
        raise ValueError(f"{path!r} is no item of an array")
    return ".".join(symbol(part) for part in name.split(".")) + bracket + index


def identifiers(names: Iterable[str]) -> list[str]:
    """One identifier suffix per name (letters, digits, single underscores), all different even in upper case."""
    taken: set[str] = set()
    result = []
    for index, name in enumerate(names):
        base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:_MAX_IDENTIFIER].strip("_") or str(index)
        candidate, number = base, 1
        while candidate.upper() in taken:
            number += 1
            candidate = f"{base}_{number}"
        taken.add(candidate.upper())
        result.append(candidate)
    return result


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """`text` in printable ASCII, other characters as underscores, at most `limit` characters."""
    shown = "".join(c if " " <= c <= "~" else "_" for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def comment(text: str) -> str:
    """`text` for the inside of a block comment."""
    return re.sub(r"[*\\?]", "_", printable(text))


def string(text: str) -> str:
    """`text` as a C string literal."""
    return '"' + re.sub(r'["\\?]', lambda match: "\\" + match.group(), printable(text)) + '"'


def literal(value: ParamValue) -> str:
    """A C initialiser for a parameter: number, array, or the name of an enumerator."""
    if isinstance(value, (tuple, list)):
        return "{" + ", ".join(literal(v) for v in value) + "}"
    if isinstance(value, str):
        return symbol(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return _integer(int(value))
    return real(float(value))


def _integer(value: int) -> str:
    if value == -(2**31):
        return "INT32_MIN"
    if -(2**31) < value < 2**31:
        return str(value)
    if 0 <= value < 2**32:
        return f"{value}u"
    if value == -(2**63):
        return "INT64_MIN"
    if -(2**63) < value < 2**63:
        return f"INT64_C({value})"
    raise ValueError(f"{value} does not fit a C integer")


def real(value: float) -> str:
    """The shortest literal that C reads back as exactly `value`: of type float where that holds it, else double."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if float(single) == value:
        text = np.format_float_scientific(single, trim="0", unique=True)
        return (str(single) if 1e-4 <= abs(value) < 1e7 or value == 0 else text) + "f"
    return repr(value)


def fill(items: Sequence[str], indent: str) -> str:
    """`items` separated by commas, in lines of at most COLUMNS characters that begin with `indent`."""
    lines, line = [], indent
    for item in items:
        if line != indent and len(line) + len(item) + 1 > COLUMNS:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    return "\n".join([*lines, line.rstrip()]) if items else ""
