# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import pytest

# The tests of this folder share usual_networks.py and onnx_nodes.py.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runtime is compiled once for all tests of this folder."""
    return tmp_path_factory.mktemp("operators")
