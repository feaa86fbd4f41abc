# SPDX-License-Identifier: CC0-1.0
"""Fixtures that lead pytest-embedded to what idf-build-apps built: <app>/build_<target>_<config>."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pytest_embedded.plugin import multi_dut_argument, multi_dut_fixture


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("espdl")
    group.addoption("--espdl-results", metavar="FILE", help="keep the cycles of every layer in this JSON file")
    group.addoption("--espdl-board", metavar="TEXT", default="", help="the board's name, for that file")
    group.addoption(
        "--espdl-python", metavar="PYTHON", default=sys.executable, help="a Python with the compiler's packages"
    )


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
