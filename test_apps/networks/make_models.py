#!/usr/bin/env python3
# SPDX-License-Identifier: CC0-1.0
"""Writes models/: four networks with their calibration data, and three samples that the firmware checks itself with.

python test_apps/networks/make_models.py [--data DIR]

DIR (or ESPDL_DATA) holds the trained networks, <network>/model.onnx and calib.npy; without it their topologies get
random weights, of the same size and speed. Needs the Python environment of the compiler (make demo makes one).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

import networks  # noqa: E402 (the path above comes first)

SAMPLES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("ESPDL_DATA"), help="folder of the trained networks"
    )
    data = parser.parse_args().data
    models = HERE / "models"
    if data is None:
        networks.write(models)
    for name in networks.NETWORKS:
        folder = models / name
        folder.mkdir(parents=True, exist_ok=True)
        if data is not None:
            for file in ("model.onnx", "calib.npy"):
                shutil.copyfile(Path(data) / name / file, folder / file)
        np.save(folder / "vectors.npy", np.load(folder / "calib.npy")[:SAMPLES])
    print(models)
    return 0


if __name__ == "__main__":
    sys.exit(main())
