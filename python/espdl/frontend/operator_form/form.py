# SPDX-License-Identifier: Apache-2.0
"""What a form works with: a node's operands as real numbers, and its result as integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from espdl.errors import EspdlError
from espdl.frontend.rewrites.scope import Chain, Scope


@dataclass(frozen=True)
class Grid:
    """What the integers of a tensor stand for: scale * (integer - zero point)."""

    scale: np.ndarray
    zero_point: np.ndarray

    @staticmethod
    def of(scale: np.ndarray, zero_point: np.ndarray) -> Grid:
        scale = np.asarray(scale, np.float32)
        if scale.size == 1 and zero_point.size == 1:
            return Grid(scale.reshape(()), zero_point.reshape(()))
        shape = (max(scale.size, zero_point.size),)
        return Grid(np.broadcast_to(scale.reshape(-1), shape), np.broadcast_to(zero_point.reshape(-1), shape))

    def real(self, integers: np.ndarray) -> np.ndarray:
        return (self.scale * (integers.astype(np.float32) - self.zero_point.astype(np.float32))).astype(np.float32)

    def equals(self, other: Grid) -> bool:
        same_type = self.zero_point.dtype == other.zero_point.dtype
        return (
            same_type and np.array_equal(self.scale, other.scale) and np.array_equal(self.zero_point, other.zero_point)
        )


class Form(Chain):
    """The nodes in the place of one node. `grids`: of all tensors of integers so far; `taken`: the outputs of nodes
    behind it that are part of it.
    """

    def __init__(self, scope: Scope, node: onnx.NodeProto, grids: dict[str, Grid], label: str):
        super().__init__(scope, node.name or node.output[0])
        self.node = node
        self.grids = grids
        self.label = label
        self.taken: set[str] = set()
        self.attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def input(self, index: int) -> str:
        """The name of an input, "" where it is left out."""
        return self.node.input[index] if index < len(self.node.input) else ""

    def error(self, why: str, remedy: str) -> EspdlError:
        return EspdlError.at(self.label, self.node, why, remedy)

    def array(self, name: str) -> np.ndarray:
        """A scale, a zero point: they have to be constants."""
        value = self.scope.array(name)
        if value is None:
            raise self.error(
                f"its scale or zero point '{name}' is computed while the model runs; the generated C has fixed ones",
                "pass the float model, which is quantised here, or quantise it with fixed scales",
            )
        return value

    def grid(self, index: int, like: str = "") -> Grid:
        """The grid that the inputs `index` and `index` + 1 tell; a zero point that is left out is 0, of the type of the
        tensor `like`.
        """
        name = self.input(index + 1)
        zero = self.array(name) if name else np.zeros((), self.integers(like))
        return self.grid_of(self.array(self.input(index)), zero)

    def grid_of(self, scale: np.ndarray, zero_point: np.ndarray) -> Grid:
        """One scale and zero point, or as many of both as one of them has."""
        if 0 in (scale.size, zero_point.size) or (
            scale.size != zero_point.size and 1 not in (scale.size, zero_point.size)
        ):
            raise self.error(
                f"it has {scale.size} scales and {zero_point.size} zero points",
                "export the model again: they go together",
            )
        return Grid.of(scale, zero_point)

    def integers(self, name: str) -> np.dtype:
        """The type of a tensor of integers."""
        if name in self.grids:
            return self.grids[name].zero_point.dtype
        kind = self.scope.dtype(name)
        return helper.tensor_dtype_to_np_dtype(kind) if kind else np.dtype(np.uint8)

    def real(self, index: int, axis: int = 1) -> str:
        """The input `index` as real numbers, by the grid in the two inputs behind it."""
        name = self.input(index)
        if not name:
            raise self.error(f"its input {index} is missing", "export the model again")
        return self.dequantized(name, self.grid(index + 1, name), axis)

    def dequantized(self, name: str, grid: Grid, axis: int = 1) -> str:
        return self.add("DequantizeLinear", name, *self._constants(grid), **self._axis(grid, axis))

    def quantized(self, value: str, grid: Grid, output: str | None = None) -> None:
        """Ends the form: `value` becomes integers under the name that the node's result has."""
        output = output or self.node.output[0]
        self.grids[output] = grid
        self.add("QuantizeLinear", value, *self._constants(grid), output=output)

    def result(self, value: str, index: int) -> None:
        """The same, on the grid that the inputs `index` and `index` + 1 tell."""
        self.quantized(value, self.grid(index, self.input(0)))

    def compute(
        self,
        operator: str,
        *inputs: str,
        output: str | None = None,
        attributes: Iterable[onnx.AttributeProto] = (),
        **more: Any,
    ) -> str:
        """The node itself, on real numbers, under its own name; `attributes`: those that it keeps, `more`: new ones."""
        output = output or self.scope.unique(f"{self.base}/{operator}:0")
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=self.node.name, **more))
        self.nodes[-1].attribute.extend(attributes)
        return output

    def without(self, *names: str) -> list[onnx.AttributeProto]:
        """The node's attributes but for these."""
        return [attribute for attribute in self.node.attribute if attribute.name not in names]

    def _constants(self, grid: Grid) -> tuple[str, str]:
        scale = self.scope.constant(grid.scale, f"{self.base}/scale")
        return scale, self.scope.constant(grid.zero_point, f"{self.base}/zero_point")

    @staticmethod
    def _axis(grid: Grid, axis: int) -> dict[str, int]:
        return {"axis": axis} if grid.scale.ndim else {}
