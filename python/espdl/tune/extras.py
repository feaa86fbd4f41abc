# SPDX-License-Identifier: Apache-2.0
"""Packages that only `espdl tune` and `espdl sweep` need: imported when they are used."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from espdl.errors import EspdlError

# What a clone of the repository installs.
LOCK = Path(__file__).resolve().parents[2] / "requirements-tune.lock"


def need(extra: str, *packages: str) -> None:
    """Raises EspdlError where one of the packages, which belong to an extra of this project, cannot be imported."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            why = f"the Python package {error.name or package} is missing in {sys.executable}"
            raise EspdlError("searching for settings", why, remedy(extra)) from error


def remedy(extra: str) -> str:
    """How the packages of an extra get here."""
    if LOCK.exists():
        return f"{sys.executable} -m pip install --quiet -r {LOCK}"
    return f"{sys.executable} -m pip install 'espdl_onnx[{extra}]'"
