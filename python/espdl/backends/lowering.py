# SPDX-License-Identifier: Apache-2.0
"""How backends take operators: as a kernel call, or not at all for a reason; and how they pack a call's constants.

Lowerings are functions in `espdl/backends/<backend>/<operator>.py`, one for each dtype whose kernels differ. Registries
are filled by importing the files; two lowerings of one operator and dtype in one backend, or two packings of one name,
are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np

from espdl.discover import discover
from espdl.ops.operator import Operator, operators
from espdl.plan.params import Params
from espdl.plan.types import KernelCall
from espdl.targets import Target

Packing = Callable[[KernelCall], list[np.ndarray]]
# The dtype under which a lowering is registered that takes all: it moves bytes, or its kernel is made for the operator.
ANY = "any"


@dataclass(frozen=True)
class Declined:
    """Why a backend cannot run an operator exactly, as a sentence a user understands."""

    reason: str


_Op = TypeVar("_Op", bound=Operator)
_TryLower = Callable[[_Op, Target], "KernelCall | Declined"]
_Function = TypeVar("_Function", bound=Callable[[Any, Target], "KernelCall | Declined"])


@dataclass(frozen=True)
class Lowering(Generic[_Op]):
    """How one backend runs one operator on tensors of one dtype (`Operator.dtype`).

    `try_lower(node, target)` gives the kernel call, or why there is none. It may raise `numerics.Inexact`, which says
    the same: what computes its numbers need not be asked twice. `alignment`: what the addresses of all tensors must be
    a multiple of; the Plan gives 16 to all but parts of other tensors.
    """

    try_lower: _TryLower[_Op]
    alignment: int = 1


_lowerings: dict[tuple[str, str, str], Lowering] = {}
_packings: dict[str, Packing] = {}


def lowering(operator: str, backend: str, *dtypes: str, alignment: int = 1) -> Callable[[_Function], _Function]:
    """Function decorator: registers how `backend` runs the operator of this name on tensors of these dtypes."""

    def register(function: _Function) -> _Function:
        for dtype in dtypes:
            known = _lowerings.setdefault((backend, operator, dtype), Lowering(function, alignment))
            if known.try_lower is not function:
                raise RuntimeError(f"backend '{backend}' lowers '{operator}' of {dtype} in {known} and {function}")
        return function

    return register


def packing(name: str) -> Callable[[Packing], Packing]:
    """Function decorator: registers how a call's logical constants become the kernel's constant arguments, in order."""

    def register(function: Packing) -> Packing:
        if name in _packings:
            raise RuntimeError(f"packing '{name}' is defined in {_packings[name].__module__} and {function.__module__}")
        _packings[name] = function
        return function

    return register


@packing("plain")
def plain(call: KernelCall) -> list[np.ndarray]:
    """Every constant as it is."""
    return [c.data for c in call.constants]


@cache
def _discover() -> None:
    operators()  # of which one may have a parameter struct that no file here names
    for package in discover("espdl.backends"):
        if hasattr(package, "__path__"):
            discover(package.__name__)


def lowerings() -> Mapping[tuple[str, str, str], Lowering]:
    """All lowerings, keyed (backend, operator, dtype)."""
    _discover()
    return _lowerings


def packings() -> Mapping[str, Packing]:
    """All packings by name."""
    _discover()
    return dict(_packings)


def find(backend: str, node: Operator) -> Lowering | None:
    """What `backend` has for `node`'s operator and dtype."""
    table = lowerings()
    return table.get((backend, node.name, node.dtype)) or table.get((backend, node.name, ANY))


def call_of(node: Operator, function: str, header: str, params: Params | None, **fields: Any) -> KernelCall:
    """The call of a kernel that reads the operator's inputs and writes its outputs; `fields`: others of KernelCall."""
    names = {"inputs": tuple(t.name for t in node.inputs), "outputs": tuple(t.name for t in node.outputs)}
    given = {"operator": node.name, "source_nodes": node.source_nodes, **names, **fields}
    return KernelCall(function=function, header=header, params=params, **given)


def portable(node: Operator, target: Target, **changes: Any) -> KernelCall | Declined:
    """The portable kernel's call with `changes`: for kernels that share its arithmetic and its parameters."""
    found = find("portable", node)
    call = Declined("there is no portable kernel") if found is None else found.try_lower(node, target)
    return call if isinstance(call, Declined) else replace(call, **changes)
