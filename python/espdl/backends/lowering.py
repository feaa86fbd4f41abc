# SPDX-License-Identifier: Apache-2.0
"""How backends take operators: accept or decline with a reason, lower to a kernel call, pack its constants.

A lowering is one file `espdl/backends/<backend>/<operator>.py`. Registries are filled by importing the files; two
lowerings of one operator in one backend, or two packings of one name, are an error.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar

import numpy as np

from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import Target

Packing = Callable[[KernelCall], list[np.ndarray]]


class Lowering(ABC):
    """One operator on one backend."""

    # Whether it runs int16 tensors. Those that do not are never asked about any.
    takes_int16: ClassVar[bool] = False
    # What the addresses of all tensors must be a multiple of; the Plan gives 16 to all but parts of other tensors.
    alignment: ClassVar[int] = 1

    @abstractmethod
    def accept(self, node: Operator, target: Target) -> str | None:
        """None, or the reason why this backend cannot run `node` exactly, as a sentence a user understands."""

    @abstractmethod
    def lower(self, node: Operator, target: Target) -> KernelCall:
        """The kernel call for an accepted `node`."""


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
    package = importlib.import_module("espdl.backends")
    for backend in sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg):
        sub = importlib.import_module(f"espdl.backends.{backend}")
        for module in sorted(m.name for m in pkgutil.iter_modules(sub.__path__)):
            importlib.import_module(f"espdl.backends.{backend}.{module}")


def lowerings() -> Mapping[tuple[str, str], Lowering]:
    """All lowerings, keyed (backend, operator)."""
    _discover()
    return dict(sorted(_lowerings.items()))


def packings() -> Mapping[str, Packing]:
    """All packings by name."""
    _discover()
    return dict(_packings)
