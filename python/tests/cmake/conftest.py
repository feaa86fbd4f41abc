# SPDX-License-Identifier: CC0-1.0
"""Fixtures: a copy of the component in a folder with another name, with a blank above it."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import copy_component


@pytest.fixture(scope="session")
def component(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_component(tmp_path_factory.mktemp("clone") / "x y" / "main")
