# SPDX-License-Identifier: Apache-2.0
"""The trained networks that the scripts for single chips count: where they are, and how they are compiled."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from espdl import pipeline

ROOT = Path(__file__).resolve().parent.parent


def arguments(
    description: str | None, networks: Iterable[str], argv: Sequence[str] | None, schemes: Sequence[str] = ()
) -> argparse.Namespace:
    """`data`, the folder that holds them, `networks`, which of them to count, and with which of `schemes`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks"
    parser.add_argument("--data", type=Path, default=Path(default), help="folder with <network>/model.onnx, calib.npy")
    parser.add_argument("--networks", nargs="+", choices=networks, default=list(networks))
    if schemes:
        parser.add_argument("--schemes", nargs="+", choices=schemes, default=list(schemes))
    return parser.parse_args(argv)


def compiled(data: Path, output: Path, chip: str, **options: Any) -> pipeline.Compilation:
    """The network in the folder `data`, for inputs with channels last."""
    model, calibration = str(data / "model.onnx"), str(data / "calib.npy")
    return pipeline.compile_model(
        pipeline.Options(model, "net", str(output), calibration, chip=chip, input_layout="nhwc", **options)
    )
