# SPDX-License-Identifier: CC0-1.0
"""ESP-DL itself, where the developer has it (linked.py says how): every layer equals the reference, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

import layers
import linked
import networks
import numpy as np
import pytest
from test_kernels import nodes

from espdl import pipeline
from espdl.plan.types import Plan
from espdl.verify import host, samples

REPOSITORY = Path(__file__).resolve().parents[3]
DIGITS = REPOSITORY / "examples" / "digits" / "model"
KERNELS = {"C++": linked.IN_CXX, "ESP32-P4": linked.FOR_ESP32P4}


@pytest.mark.parametrize("chip", ["esp32s3", "esp32p4", None])
def test_shim_compiles_with_the_headers_of_esp_dl(chip: str | None) -> None:
    """A check of syntax and types by this computer's C++ compiler; None: as the tests below link ESP-DL's C++."""
    host.run_tool(*linked.cxx_command(chip), "-fsyntax-only", str(linked.SHIM_SOURCE))


def compare(name: str, kernels: linked.Kernels, plan: Plan, inputs: dict[str, np.ndarray], folder: Path) -> None:
    plan = linked.for_this_computer(plan)
    done = linked.run(plan, linked.build(kernels, plan, folder), inputs)
    count = len(next(iter(inputs.values())))
    per_run = done.in_runs / count
    print(
        f"{name}: {len(plan.calls)} layers, {done.layers} of them by ESP-DL, {count} samples, "
        f"{'all equal' if done.difference is None else done.difference}; "
        f"allocations: {done.in_init} in init, {per_run:g} in a run, {done.left} not given back"
    )
    assert done.difference is None
    assert done.layers and not done.left
    # The buffer of a convolution or matrix product in C++; the kernels of the chips have none.
    sums = sum(call.backend == "esp_dl" and bool(call.constants) for call in plan.calls)
    assert per_run == (sums if kernels.chip is None else 0)


@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
def test_layers(kernels: linked.Kernels, tmp_path: Path) -> None:
    kernels.library()
    target = layers.TARGETS[kernels.target]
    plan = layers.side_by_side(nodes(target), target)
    assert {call.backend for call in plan.calls} == {"esp_dl"}
    compare("layers", kernels, plan, layers.samples(plan), tmp_path / "net")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained networks of the benchmarks, or, where they are not there, the same with random weights."""
    trained = Path(os.environ.get("ESPDL_DATA") or REPOSITORY.parent / "shared" / "benchmarks")
    return trained if trained.is_dir() else networks.write(tmp_path_factory.mktemp("networks"))


def compile_model(model: Path, calibration: Path, folder: Path, chip: str) -> Plan:
    options = pipeline.Options(
        model=str(model),
        name="net",
        output=str(folder / "generated"),
        calibration=str(calibration),
        chip=chip,
        kernels="esp_dl",
        effort="fast",
    )
    return pipeline.compile_model(options).plan


@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("name", [*networks.NETWORKS, "digits"])
def test_network(name: str, kernels: linked.Kernels, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kernels.library()
    if name == "digits":
        model, calibration, x = DIGITS / "digits.onnx", DIGITS / "calib.npy", np.load(DIGITS / "test.npz")["x"]
    else:
        folder = request.getfixturevalue("data") / name
        model, calibration, x = folder / "model.onnx", folder / "calib.npy", np.load(folder / "eval.npz")["x"]
    plan = compile_model(model, calibration, tmp_path, kernels.target)
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: x[:2].astype(np.float32)})
    compare(name, kernels, plan, inputs, tmp_path / "net")
