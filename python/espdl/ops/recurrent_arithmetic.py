# SPDX-License-Identifier: Apache-2.0
"""The steps of recurrent layers, whatever they compute with."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from espdl.ops.operator import Arrays, Constants
from espdl.ops.recurrent import CONSTANT, TENSOR, RecurrentF32Params, RecurrentStatesParams


class Arithmetic(ABC):
    """That of one kernel call, whose tensors are of `dtype`.

    States go from step to step as they are kept; gates and what a step gives are in the unit of the tables.
    """

    def __init__(self, params: RecurrentStatesParams | RecurrentF32Params, constants: Constants, dtype: np.dtype):
        self.params, self.constants, self.dtype = params, constants, dtype
        self.layer = params.layer if isinstance(params, RecurrentStatesParams) else params

    @property
    def gives_cells(self) -> bool:
        """Whether the kernel writes the last cells."""
        return True

    def sequences(self, x: np.ndarray) -> list[np.ndarray]:
        """[steps, inputs] for each sequence."""
        return list(x.reshape(self.layer.steps, self.params.batch, self.layer.inputs).swapaxes(0, 1))

    def first(self, name: str, index: int, inputs: Arrays) -> np.ndarray:
        """State `name` ("h", "c") of every sequence before the first step; `index`: of the tensor that may give it."""
        shape = (self.params.batch, self.layer.hidden)
        source = self.params.h_source if name == "h" else self.params.c_source
        if source == CONSTANT:
            return self.of_constant(self.constants["initial"].reshape(-1, *shape)[index - 1])
        if source == TENSOR:
            return self.of_tensor(name, inputs[index].reshape(shape))
        return self.of_constant(np.zeros(shape, np.float32))

    @abstractmethod
    def of_constant(self, values: np.ndarray) -> np.ndarray:
        """A first state from constants."""

    @abstractmethod
    def of_tensor(self, name: str, values: np.ndarray) -> np.ndarray:
        """State `name` from what a tensor holds."""

    @abstractmethod
    def input_part(self, x: np.ndarray) -> np.ndarray:
        """Sums of the gates from one step's input, [rows], with the bias of that part."""

    @abstractmethod
    def state_part(self, h: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
        """Likewise from the state, as it is kept."""

    @abstractmethod
    def peep(self, gate: int, cell: np.ndarray) -> np.ndarray:
        """What a gate sees of the cells."""

    @abstractmethod
    def sigmoid(self, value: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def tanh(self, value: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def tanh_of_cell(self, cell: np.ndarray) -> np.ndarray:
        """Of cells, which have another unit than sums."""

    @abstractmethod
    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """A gate times anything."""

    def kept(self, h: np.ndarray) -> np.ndarray:
        """What a step gives, as it is kept."""
        return h

    def unkept(self, h: np.ndarray) -> np.ndarray:
        """The way back."""
        return h

    def output(self, value: np.ndarray, name: str = "output") -> np.ndarray:
        """What a step gives, as one of the output "output" or "cells"."""
        return value
