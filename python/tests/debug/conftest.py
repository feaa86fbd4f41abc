# SPDX-License-Identifier: CC0-1.0
import sys
from pathlib import Path

import numpy as np
import pytest

from espdl import pipeline
from espdl.verify import rv32

# hand_made.py serves several folders.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "verify")]

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all programs, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="session")
def digits(root: Path) -> pipeline.Compilation:
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"),
        calibration=str(DIGITS / "calib.npy"),
        name="digits",
        output=str(root / "digits"),
        effort="fast",
        taps=True,
    )
    return pipeline.compile_model(options)


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.load(DIGITS / "test.npz")["x"][:3]


@pytest.fixture(params=["host", "rv32"])
def machine(request: pytest.FixtureRequest) -> str:
    reason = rv32.available() if request.param == "rv32" else None
    if reason is not None:
        pytest.skip(reason)
    return request.param
