# SPDX-License-Identifier: Apache-2.0
"""How much stack a run takes, as the machine code of the kernels says (stack.json, written by `make stack`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any


@cache
def table() -> dict[str, Any]:
    """`source`: for which machine; `run`: bytes that espdl_run() has in use; `kernels`: bytes of each."""
    return json.loads(Path(__file__).with_name("stack.json").read_text(encoding="utf-8"))


def of_kernel(function: str) -> int | None:
    """Bytes of a kernel and all that it calls, below the caller of its layer; None where nobody measured.

    The layer's own function takes none: it jumps to the kernel.
    """
    return table()["kernels"].get(function)


def of_run(kernels: Sequence[int | None]) -> int | None:
    """Bytes below the caller of espdl_run() with kernels of these depths, without a hook; None where one is unknown."""
    known = [depth for depth in kernels if depth is not None]
    return table()["run"] + max(known, default=0) if len(known) == len(kernels) else None
