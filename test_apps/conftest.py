# SPDX-License-Identifier: CC0-1.0
"""Fixtures that lead pytest-embedded to what idf-build-apps built: <app>/build_<target>_<config>."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_embedded.plugin import multi_dut_argument, multi_dut_fixture


@pytest.fixture
@multi_dut_argument
def config(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", None) or "default"


@pytest.fixture
@multi_dut_fixture
def build_dir(app_path: str, target: str, config: str) -> str:
    folder = f"build_{target}_{config}"
    if not (Path(app_path) / folder).is_dir():
        pytest.fail(f"there is no {folder} in {app_path}: run idf-build-apps build first")
    return folder
