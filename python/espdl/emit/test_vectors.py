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
    """What the inputs hold before a run and the outputs after it, in the order of the model.

    Of a model with Runs: the inputs of all runs and the outputs of those that have some, [runs, ...]; None for an input
    that is a state.
    """

    inputs: tuple[np.ndarray | None, ...]
    outputs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Runs:
    """Of a model that keeps something from run to run, so that a vector is many of them, from the reset on.

    The run with number `fills`, from 1, is the first with outputs. Of a stream `hop` rows of input `pushed` are a push.
    """

    fills: int = 1
    pushed: int | None = None
    hop: int = 0


def render(name: str, vectors: Sequence[Vector], runs: Runs | None = None) -> Files:
    """`<name>_test.h` and `<name>_test.c`, which belong to the `<name>.h` of the same compilation."""
    environment = templates.environment(_TEMPLATES)
    context = {
        "name": name,
        "prefix": name.upper(),
        "runs": runs,
        "run": None if runs is None else _run(vectors[0]),
        "vectors": [
            {
                "inputs": [None if a is None else _bytes(a) for a in vector.inputs],
                "outputs": [_bytes(a) for a in vector.outputs],
                "runs": next(len(a) for a in vector.inputs if a is not None),
            }
            for vector in vectors
        ],
    }
    return Files(
        {
            f"{name}_test.{suffix}": environment.get_template(f"test.{suffix}.jinja").render(context).encode("ascii")
            for suffix in ("h", "c")
        }
    )


def _run(vector: Vector) -> dict:
    """Bytes of each input in a run, None of states; bytes and values of each output."""
    return {
        "inputs": [None if a is None else a[0].nbytes for a in vector.inputs],
        "outputs": [a[0].nbytes for a in vector.outputs],
        "counts": [a[0].size for a in vector.outputs],
    }


def _bytes(array: np.ndarray) -> str:
    little_endian = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return c_text.fill([str(byte) for byte in little_endian.tobytes()], " " * 4)
