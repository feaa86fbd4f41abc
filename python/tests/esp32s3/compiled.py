# SPDX-License-Identifier: CC0-1.0
"""The benchmarks' networks with random weights, compiled for the ESP32-S3."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import networks
import numpy as np

from espdl import pipeline


@cache
def _data(name: str) -> Path:
    return networks.write(Path(tempfile.mkdtemp(prefix="espdl-networks-")), [name]) / name


@cache
def network(
    name: str, chip: str = "esp32s3", effort: str = "fast", input_layout: str = "nhwc", **options: str
) -> pipeline.Compilation:
    data = _data(name)
    options = pipeline.Options(
        model=str(data / "model.onnx"),
        calibration=str(data / "calib.npy"),
        name="net",
        output=str(data / chip),
        chip=chip,
        effort=effort,
        input_layout=input_layout,
        **options,
    )
    return pipeline.compile_model(options)


def inputs(compilation: pipeline.Compilation, samples: int = 1) -> dict[str, np.ndarray]:
    """int8 values for every input of the network, [samples, ...]."""
    random = np.random.default_rng(5)
    plan = compilation.plan
    return {
        port.name: random.integers(-128, 128, (samples, *plan.tensor(port.tensor).shape)).astype(np.int8)
        for port in plan.inputs
    }
