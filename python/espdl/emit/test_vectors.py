# SPDX-License-Identifier: Apache-2.0
"""Test vectors as C: data to run a model with, and a function that compares the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl import templates
from espdl.emit import c_text
from espdl.emit.files import Files

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Vector:
    """What the inputs hold before a run and the outputs after it, in the order of the model."""

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]


def render(name: str, vectors: Sequence[Vector]) -> Files:
    """`<name>_test.h` and `<name>_test.c`, which belong to the `<name>.h` of the same compilation."""
    environment = templates.environment(_TEMPLATES)
    context = {
        "name": name,
        "prefix": name.upper(),
        "vectors": [
            {"inputs": [_bytes(a) for a in vector.inputs], "outputs": [_bytes(a) for a in vector.outputs]}
            for vector in vectors
        ],
    }
    return Files(
        {
            f"{name}_test.{suffix}": environment.get_template(f"test.{suffix}.jinja").render(context).encode("ascii")
            for suffix in ("h", "c")
        }
    )


def _bytes(array: np.ndarray) -> str:
    little_endian = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return c_text.fill([str(byte) for byte in little_endian.tobytes()], " " * 4)
