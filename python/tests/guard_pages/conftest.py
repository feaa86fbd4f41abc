# SPDX-License-Identifier: CC0-1.0
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def build_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all programs, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("guard_pages")
