# SPDX-License-Identifier: Apache-2.0
"""How backends take operators: as a kernel call, or not at all for a reason; and how they pack a call's constants.

A lowering is one file `espdl/backends/<backend>/<operator>.py`. Registries are filled by importing the files; two
lowerings of one operator in one backend, or two packings of one name, are an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Generic, TypeVar

import numpy as np

from espdl.discover import discover
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import Target

Packing = Callable[[KernelCall], list[np.ndarray]]


@dataclass(frozen=True)
class Declined:
    """Why a backend cannot run an operator exactly, as a sentence a user understands."""

    reason: str


_Op = TypeVar("_Op", bound=Operator)


class Lowering(ABC, Generic[_Op]):
    """One operator on one backend."""

    # Whether it runs int16 tensors. Those that do not are never asked about any.
    takes_int16: ClassVar[bool] = False
    # What the addresses of all tensors must be a multiple of; the Plan gives 16 to all but parts of other tensors.
    alignment: ClassVar[int] = 1

    @abstractmethod
    def try_lower(self, node: _Op, target: Target) -> KernelCall | Declined:
        """The kernel call for `node`, or why there is none.

        May raise `numerics.Inexact`, which says the same: what computes its numbers need not be asked twice.
        """


_lowerings: dict[tuple[str, str], Lowering] = {}
_packings: dict[str, Packing] = {}


def lowering(operator_name: str, backend: str) -> Callable[[type[Lowering]], type[Lowering]]:
    """Class decorator: registers how `backend` runs the operator `operator_name`."""

    def register(cls: type[Lowering]) -> type[Lowering]:
        key = (backend, operator_name)
        if key in _lowerings:
            raise RuntimeError(f"backend '{backend}' lowers '{operator_name}' in {type(_lowerings[key])} and {cls}")
        _lowerings[key] = cls()
        return cls

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
    for package in discover("espdl.backends"):
        if hasattr(package, "__path__"):
            discover(package.__name__)


@cache
def lowerings() -> Mapping[tuple[str, str], Lowering]:
    """All lowerings, keyed (backend, operator)."""
    _discover()
    return dict(sorted(_lowerings.items()))


def portable(node: Operator, target: Target) -> KernelCall | Declined:
    """The portable kernel's call, which kernels of the same arithmetic have with another function."""
    return lowerings()["portable", node.name].try_lower(node, target)


def packings() -> Mapping[str, Packing]:
    """All packings by name."""
    _discover()
    return dict(_packings)
