# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the whole chain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from pipeline_models import conv_model


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with net.onnx and calib.npy that compile."""
    onnx.save(conv_model(), tmp_path / "net.onnx")
    rng = np.random.default_rng(1)
    np.save(tmp_path / "calib.npy", rng.uniform(-1, 1, (8, 2, 8, 8)).astype(np.float32))
    return tmp_path


@pytest.fixture
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For a program of `verify.host`: its parent, shared by all tests, keeps the compiled kernels."""
    return tmp_path_factory.mktemp("program")
