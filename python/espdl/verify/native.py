# SPDX-License-Identifier: Apache-2.0
"""Runs the fallback functions of a Plan on this computer: their C text is their only definition.

The rest of the reference is numpy. Here the point of a comparison is the memory plan, the arguments and the target's
compiler; the function itself is checked against ONNX Runtime (`verify.layerwise`).
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from espdl.plan.types import KernelCall, Plan
from espdl.verify.host import find_compiler

_PROLOGUE = "#include <math.h>\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n"
_FLAGS = ("-std=c11", "-O2", "-ffp-contract=off", "-w", "-shared", "-fPIC")


def call(plan: Plan, node: KernelCall, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a call of one of `plan.functions`."""
    texts = "\n".join(plan.functions.values())
    constants = [np.ascontiguousarray(c.data) for c in node.constants]
    outputs = [np.empty(plan.tensor(name).shape, plan.tensor(name).dtype) for name in node.outputs]
    scratch = [np.empty(node.scratch_bytes + 16, np.uint8)] if node.scratch_bytes else []
    arrays = [*(np.ascontiguousarray(i) for i in inputs), *constants, *outputs, *scratch]
    addresses = [a.ctypes.data for a in arrays]
    if scratch:
        addresses[-1] = -(-addresses[-1] // 16) * 16
    function = _library(texts, tuple(sorted({c.function for c in plan.calls if c.function in plan.functions})))
    getattr(function, node.function)(*(ctypes.c_void_p(a) for a in addresses))
    return outputs


@lru_cache(maxsize=64)
def _library(texts: str, exported: tuple[str, ...]) -> ctypes.CDLL:
    """A shared library of all functions of a Plan; those that are called are visible."""
    for name in exported:
        texts = texts.replace(f"static void {name}(", f"void {name}(")
    folder = Path(tempfile.mkdtemp(prefix="espdl-native-"))
    key = hashlib.sha256(texts.encode()).hexdigest()[:16]
    source, library = folder / f"{key}.c", folder / f"{key}.so"
    source.write_text(_PROLOGUE + texts)
    command = [find_compiler(), *_FLAGS, str(source), "-lm", "-o", str(library)]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    source.unlink()
    library.unlink()
    folder.rmdir()
    return loaded
