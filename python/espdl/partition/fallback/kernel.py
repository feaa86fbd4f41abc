# SPDX-License-Identifier: Apache-2.0
"""What the fallback hands to later stages: C functions, described without any TVM object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WORKSPACE_ALIGNMENT = 16
"""Bytes; every workspace of a kernel begins at a multiple of it."""


@dataclass(frozen=True)
class KernelParameter:
    """One pointer parameter of a kernel.

    `c_type` is the element's type ("float", "int8_t"). Inputs are never written and outputs are written completely;
    no two parameters overlap, except that inputs may be the same memory. A workspace holds nothing between calls.
    """

    name: str
    c_type: str
    const: bool
    role: Literal["input", "output", "workspace"]


@dataclass(frozen=True)
class CKernel:
    """A kernel as C11 text.

    `source` is one static function, void, with `parameters` in order: inputs, outputs, workspaces. It needs <stdint.h>,
    <stdbool.h>, <math.h> and the functions in `helpers` (C text of static inline functions; kernels share them, so that
    whoever writes the file emits each text once, before the kernels). `workspace_bytes` has one size per workspace
    parameter. `uses_float`: computes in floating point. `uses_libm`: calls functions whose last bit may differ between
    C libraries.
    """

    name: str
    source: str
    parameters: tuple[KernelParameter, ...]
    workspace_bytes: tuple[int, ...] = ()
    helpers: tuple[str, ...] = ()
    uses_float: bool = False
    uses_libm: bool = False

    @property
    def workspace_offsets(self) -> tuple[int, ...]:
        """Where each workspace begins, in bytes, when one block of `scratch_bytes` serves them all."""
        offsets, end = [], 0
        for size in self.workspace_bytes:
            offsets.append(end)
            end += -(-size // WORKSPACE_ALIGNMENT) * WORKSPACE_ALIGNMENT
        return tuple(offsets)

    @property
    def scratch_bytes(self) -> int:
        """Size of one block that holds all workspaces at `workspace_offsets`; 0 if there are none."""
        return self.workspace_offsets[-1] + self.workspace_bytes[-1] if self.workspace_bytes else 0
