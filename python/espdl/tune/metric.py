# SPDX-License-Identifier: Apache-2.0
"""A metric of the user's: a Python file with a function `metric`.

    def metric(outputs, reference, labels, inputs):
        return float(...)      # larger is better

`outputs` and `reference` are what the generated C and the float model answer, `inputs` what they were given: arrays
[N, ...] by name. `labels`: int64 [N] or None.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from espdl.errors import EspdlError

NAME = "metric"
_HOW = "give a function metric(outputs, reference, labels, inputs) that returns one finite number, larger for better"

Arrays = Mapping[str, np.ndarray]
Metric = Callable[[Arrays, Arrays, "np.ndarray | None", Arrays], float]


def load(path: str) -> Metric:
    """The function of a file. Raises EspdlError where the file cannot be run or has none."""
    what = f"--metric {Path(path).name}"
    names: dict[str, object] = {"__name__": "espdl_metric", "__file__": path}
    try:
        source = Path(path).read_text(encoding="utf-8")
        exec(compile(source, path, "exec"), names)
    except Exception as error:
        raise EspdlError(what, _said(error, path), _HOW) from error
    function = names.get(NAME)
    if not callable(function):
        raise EspdlError(what, f"it has no function {NAME}", _HOW)
    return function


def ask(path: str, repeats: int, outputs: Arrays, reference: Arrays, labels: np.ndarray | None, inputs: Arrays) -> list:
    """What the function says, `repeats` times. Raises EspdlError where it raises, or says no finite number."""
    what = f"--metric {Path(path).name}"
    function = load(path)
    values = []
    for _ in range(repeats):
        try:
            value = float(function(outputs, reference, labels, inputs))
        except Exception as error:
            raise EspdlError(what, _said(error, path), _HOW) from error
        if not math.isfinite(value):
            raise EspdlError(what, f"it returned {value}", _HOW)
        values.append(value)
    return values


def _said(error: Exception, path: str) -> str:
    """Where in the user's file, and what."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
    where = f"line {line}: " if line else ""
    return f"{where}{type(error).__name__}: {error}"
