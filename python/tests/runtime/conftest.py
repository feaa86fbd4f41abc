# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import pytest

# hand_made.py serves several folders.
sys.path.insert(0, str(Path(__file__).parents[1] / "verify"))


@pytest.fixture(scope="session")
def build_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all programs, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("programs")
