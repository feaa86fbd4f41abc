# SPDX-License-Identifier: Apache-2.0
"""What an operator is: a pattern over the quantised graph, its meaning, and an exact numpy reference.

An operator is a class in a file of this package, alone or with its nearest relatives. It says nothing about any chip
(how a backend runs it is a function in `espdl.backends.<backend>`), and is one whatever the dtype of its tensors: a
reference computes what the call is. Importing the package's registry finds all files; two operators of one name are an
error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np

from espdl import traits
from espdl.discover import discover
from espdl.plan.params import dataclass_transform
from espdl.plan.types import Tensor

# What a reference gets besides a kernel call's parameters: its inputs, its logical constants by name.
Arrays = Sequence[np.ndarray]
Constants = Mapping[str, np.ndarray]


class PatternBuilder(Protocol):
    """Builds dataflow patterns over the quantised graph (`espdl.partition.patterns` implements it on TVM).

    Labels given here are the names under which `Match` finds the matched parts.
    """

    def call(self, name: str, *arguments: Any, label: str | None = None) -> Any: ...
    def dequantized(self, label: str) -> Any: ...
    def constant(self, label: str) -> Any: ...
    def quantized(self, value: Any) -> Any: ...
    def requantized(self, label: str, value: Any) -> Any: ...
    def activated(self, value: Any) -> Any: ...
    def packed(self, name: str, *arguments: Any) -> Any: ...
    def any_of(self, *alternatives: Any) -> Any: ...
    def tuple(self, *parts: Any) -> Any: ...
    def wildcard(self, label: str | None = None) -> Any: ...


class Match(Protocol):
    """A place where a pattern matched, with TVM's objects turned into plain values."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    source_nodes: tuple[str, ...]

    @property
    def ports(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[str, ...]]: ...
    @property
    def activation(self) -> tuple[float, float] | None: ...
    def tensor(self, label: str) -> Tensor: ...
    def has(self, label: str) -> bool: ...
    def array(self, label: str) -> np.ndarray: ...
    def real(self, label: str) -> np.ndarray: ...
    def scale(self, label: str) -> np.ndarray: ...
    def operand(self, label: str) -> tuple[Tensor, np.ndarray]: ...
    def attribute(self, label: str, name: str) -> Any: ...
    def argument(self, label: str, index: int) -> tuple[int, ...] | None: ...


class Mismatch(Exception):
    """Raised by `from_match` when the pattern fits but the operator does not; the text is the reason, as a sentence."""


def require_one_scale(*tensors: Tensor) -> None:
    """Raises Mismatch unless they are quantised alike, which they must be where values are only compared or moved."""
    if len({(t.scale, t.zero_point) for t in tensors}) > 1:
        raise Mismatch("its inputs and its output are not quantised alike")


@dataclass_transform(frozen_default=True, eq_default=False)
@dataclass(frozen=True, eq=False)
class Operator(ABC):
    """One operator of the graph: its tensors (memory order, channels last) and, in subclasses, its attributes.

    `source_nodes` are the names of the ONNX nodes it stands for. Subclasses are frozen dataclasses, too.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    source_nodes: tuple[str, ...]

    name: ClassVar[str] = ""
    # The ONNX operators that it computes, and what they must be for that: a few words for the table of operators.
    onnx: ClassVar[tuple[str, ...]] = ()
    limits: ClassVar[str] = ""
    # How the table of operators calls it.
    kind: ClassVar[str] = "kernel"
    # Only moves values: the output has the input's scale, which nothing around the operator says.
    keeps_scale: ClassVar[bool] = False
    # Its output holds no value that none of its inputs of the output's type holds, or that does not lie between two.
    keeps_values: ClassVar[bool] = False
    # Converts between the application's floats and int8: matched only after the fallback has taken the Q/DQ it needs.
    at_border: ClassVar[bool] = False
    # Patterns are tried from high to low: a long pattern must win over a short one that is part of it.
    priority: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(frozen=True, eq=False)(cls)

    @property
    def dtype(self) -> str:
        """By which a backend chooses its kernel: that of all tensors; of several, all that there are."""
        return " and ".join(sorted({t.dtype for t in (*self.inputs, *self.outputs)}))

    def held(self, ranges: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        """The least and the largest integer of its outputs, where the inputs of the outputs' type, in their order, hold
        `ranges` at most; None: nothing is known but the type."""
        if not self.keeps_values or not ranges:
            return None
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    @staticmethod
    @abstractmethod
    def pattern(p: PatternBuilder) -> Any:
        """The pattern this operator has in the graph."""

    @classmethod
    def patterns(cls) -> Sequence[tuple[int, Callable[[PatternBuilder], Any]]]:
        """All of its patterns, each with its priority."""
        return [(cls.priority, cls.pattern)]

    @classmethod
    @abstractmethod
    def from_match(cls, match: Match) -> Operator:
        """The operator at a place where the pattern matched; raises `Mismatch` with the reason where it is none."""

    @staticmethod
    def steps(params: Any) -> int:
        """By how many steps of its output a call's reference may differ from ONNX Runtime on the same inputs."""
        return 1

    @staticmethod
    @abstractmethod
    def reference(params: Any, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        """The exact outputs of a kernel call, from its parameters (`Params` of the operator) and logical constants."""


class Placed(Operator):
    """An operator that no pattern finds: the compiler itself puts it where it belongs."""

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        return None

    @classmethod
    def from_match(cls, match: Match) -> Operator:
        raise NotImplementedError(f"operator '{cls.name}' has no pattern")


_registry: dict[str, type[Operator]] = {}


def operator(name: str) -> Callable[[type[Operator]], type[Operator]]:
    """Class decorator: registers an operator under `name`."""

    def register(cls: type[Operator]) -> type[Operator]:
        known = _registry.get(name)
        if known is not None and known.__module__ != cls.__module__:
            raise RuntimeError(f"operator '{name}' is defined in {known.__module__} and in {cls.__module__}")
        cls.name = name
        _registry[name] = cls
        return cls

    return register


@cache
def operators() -> Mapping[str, type[Operator]]:
    """All operators by name, found in this package's files."""
    discover("espdl.ops")
    traits.check((name for found in _registry.values() for name in found.onnx), "espdl.ops")
    return dict(sorted(_registry.items()))
