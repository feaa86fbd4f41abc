# SPDX-License-Identifier: Apache-2.0
"""Registries fill themselves: whoever adds a file to a package adds what it registers, and edits no list."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def discover(package: str) -> list[ModuleType]:
    """Imports all modules and packages that lie directly in `package`, in alphabetical order, and returns them."""
    path = importlib.import_module(package).__path__
    names = sorted(module.name for module in pkgutil.iter_modules(path))
    return [importlib.import_module(f"{package}.{name}") for name in names]
