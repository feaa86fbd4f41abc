# SPDX-License-Identifier: Apache-2.0
"""The chips: one file each, named after ESP-IDF's target. The rest of the project knows of a chip what stands here.

A file has one constant, CHIP. CMake takes the file names for the values of CHIP, Kconfig hands on ESP-IDF's own name of
the target, and the firmware workflow builds for all; a test holds the defaults of new projects against this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from espdl.chips.chip import GENERIC, PIE_P4, PIE_S3, Chip, VectorUnit
from espdl.discover import discover

__all__ = ["GENERIC", "PIE_P4", "PIE_S3", "Chip", "VectorUnit", "all_chips"]


@cache
def all_chips() -> Mapping[str, Chip]:
    """Every chip by name, `generic` first: any chip without vector instructions."""
    found = {m.__name__.rsplit(".", 1)[1]: m.CHIP for m in discover(__name__) if hasattr(m, "CHIP")}
    for name, chip in found.items():
        if chip.name != name:
            raise ValueError(f"chips/{name}.py describes '{chip.name}'")
    return {GENERIC.name: GENERIC, **found}
