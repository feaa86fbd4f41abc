# SPDX-License-Identifier: CC0-1.0
"""Runs the generated C of a stream in this process, push by push."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
from arenas import CANARY, Loaded

from espdl.plan.types import Plan

OK, NOT_INITIALIZED, CANCELLED, NO_INPUT, BAD_PUSH, FILLING = 0, 7, 8, 11, 14, 15


class Pushed(Loaded):
    """`rows` of the input, uint8 [rows, bytes]."""

    def __init__(self, plan: Plan, folder) -> None:
        super().__init__(plan, folder)
        self.hop = plan.stream.hop

    def push(self, rows: np.ndarray, count: int | None = None) -> int:
        """The status of a push of some rows, uint8 [hop, bytes]."""
        data = np.ascontiguousarray(rows)
        size = ctypes.c_size_t(self.hop if count is None else count)
        return self.library.espdl_push(self.instance, ctypes.c_size_t(0), ctypes.c_void_p(data.ctypes.data), size)

    def reset(self) -> int:
        return self.library.espdl_reset(self.instance)

    def forget(self) -> None:
        """What must not live on between runs is gone."""
        self.arena[: self.plan.arena_bytes - self.plan.state_bytes] = CANARY

    def run_all(self, recording: np.ndarray) -> Iterator[tuple[int, dict[str, bytes]]]:
        """For each push of a recording, uint8 [rows, bytes]: the status of the run, and its outputs."""
        for start in range(0, len(recording) - self.hop + 1, self.hop):
            self.forget()
            assert self.push(recording[start : start + self.hop]) == OK
            status = self.run_as_it_is()
            yield status, self.outputs() if status == OK else {}
