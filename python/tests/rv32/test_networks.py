# SPDX-License-Identifier: CC0-1.0
"""Whole networks: the generated C against the reference, bit for bit, layer by layer, on this computer and on rv32.

On this computer once more between guard pages.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import guard_pages
import networks
import numpy as np
import pytest

from espdl import backends, emit, pipeline
from espdl.targets import SCHEMES
from espdl.verify import compare, host, rv32, samples

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "examples" / "digits" / "model"
DATA = Path(os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks")
SAMPLES = 3


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the programs of all networks, so that they share the compiled kernels."""
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def folder(folders: Path, request: pytest.FixtureRequest) -> Path:
    """A network's own."""
    return folders / re.sub(r"\W+", "_", request.node.name)


@pytest.fixture(scope="session")
def random_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return networks.write(tmp_path_factory.mktemp("random_networks"))


@cache
def compiled(model: Path, calibration: Path, scheme: str, folder: Path) -> pipeline.Compilation:
    """For this computer and for rv32: `folder` is the same for both."""
    options = pipeline.Options(
        model=str(model), calibration=str(calibration), name="net", output=str(folder), scheme=scheme, taps=True
    )
    return pipeline.compile_model(options)


def check(machine, model: Path, calibration: Path, inputs: np.ndarray, scheme: str, folder: Path) -> None:
    compilation = compiled(model, calibration, scheme, folder.with_name(f"{model.parent.name}_{scheme}"))
    plan = compilation.plan
    tensors = samples.to_tensors(plan, {plan.inputs[0].name: inputs})
    program = machine.build(plan, compilation.files, "net", folder.with_name(f"{folder.name}_program"))
    results = program.run(tensors, layers=True)
    results = results[0] if machine is rv32 else results
    assert len(results.layers) == len(plan.calls) > 2
    assert compare.first_difference(plan, tensors, results) is None
    first = {name: values[:1] for name, values in tensors.items()}
    if machine is host:
        guard_pages.check(plan, first, folder)
    else:
        check_report(compilation, program.run(first)[1][0], folder)


def check_report(compilation: pipeline.Compilation, run: rv32.Rv32Run, folder: Path) -> None:
    """What the report says before anybody measured it, against the program for rv32."""
    report = compilation.report
    stack = report["stack_bytes"]
    assert stack - 16 <= run.stack_bytes <= stack  # the last bytes may stay unwritten
    assert report["cost"]["estimate"] and report["code_source"] == f"estimate: {rv32.description()}"
    plain = emit.render(compilation.plan, "net", packings=backends.packings(), identity=compilation.identity)
    code = rv32.code_size(plain, "net", folder.with_name(f"{folder.name}_size")).total
    assert abs(report["code_bytes"] - code) <= 0.02 * code
    assert abs(report["cost"]["total"] - run.instructions) <= 0.1 * run.instructions


@pytest.fixture(params=["host", "rv32"])
def machine(request: pytest.FixtureRequest):
    if request.param == "host":
        return host
    request.getfixturevalue("rv32_tools")
    return rv32


@pytest.mark.parametrize("scheme", SCHEMES)
def test_digits(machine, scheme: str, folder: Path) -> None:
    inputs = np.load(DIGITS / "test.npz")["x"][:20]
    check(machine, DIGITS / "digits.onnx", DIGITS / "calib.npy", inputs, scheme, folder)


def schemes(first: str):
    """One scheme in `make test`, the other in `make test-all`."""
    marks = {scheme: () if scheme == first else pytest.mark.sweep for scheme in SCHEMES}
    return pytest.mark.parametrize("scheme", [pytest.param(scheme, marks=mark) for scheme, mark in marks.items()])


@pytest.mark.slow
@schemes("power_of_two")
@pytest.mark.parametrize("network", networks.NETWORKS)
def test_random_weights(machine, network: str, scheme: str, random_networks: Path, folder: Path) -> None:
    data = random_networks / network
    check(machine, data / "model.onnx", data / "calib.npy", np.load(data / "eval.npz")["x"][:SAMPLES], scheme, folder)


@pytest.mark.slow
@pytest.mark.parametrize("input_memory", ["caller", "rows"])
@schemes("affine")
def test_stripes(machine, input_memory: str, scheme: str, random_networks: Path, folder: Path) -> None:
    """A picture that is nowhere in the arena gives the bytes of the reference there, too."""
    data = random_networks / "vww_mobilenet"
    options = pipeline.Options(
        model=str(data / "model.onnx"),
        calibration=str(data / "calib.npy"),
        name="net",
        output=str(folder),
        scheme=scheme,
        effort="fast",
        input_layout="nhwc",
        input_memory=input_memory,
        memory="smallest",
    )
    compilation = pipeline.compile_model(options)
    plan = compilation.plan
    tensors = samples.to_tensors(plan, {plan.inputs[0].name: np.load(data / "eval.npz")["x"][:2]})
    assert plan.regions and plan.arena_bytes < tensors[plan.inputs[0].name][0].nbytes
    program = machine.build(plan, compilation.files, "net", folder.with_name(f"{folder.name}_program"))
    results = program.run(tensors)
    assert compare.first_difference(plan, tensors, results[0] if machine is rv32 else results) is None


@pytest.mark.slow
@schemes("affine")
@pytest.mark.parametrize("network", networks.NETWORKS)
def test_trained(machine, network: str, scheme: str, folder: Path) -> None:
    data = DATA / network
    if not (data / "model.onnx").is_file():
        pytest.skip("the trained networks are missing; pass their folder: make test DATA=DIR")
    check(machine, data / "model.onnx", data / "calib.npy", np.load(data / "eval.npz")["x"][:SAMPLES], scheme, folder)


@pytest.mark.slow
def test_channels_last_export_gives_the_same_bytes(tmp_path: Path) -> None:
    data = DATA / "vww_mobilenet"
    if not (data / "model_nhwc_input.onnx").is_file():
        pytest.skip("the trained networks are missing; pass their folder: make test DATA=DIR")
    calibration = tmp_path / "calib.npy"
    np.save(calibration, np.load(data / "calib.npy").transpose(0, 2, 3, 1))

    def compiled(model: str, calibration: Path, layout: str) -> pipeline.Compilation:
        return pipeline.compile_model(
            pipeline.Options(
                model=str(data / model),
                calibration=str(calibration),
                name="net",
                output=str(tmp_path / "generated"),
                input_layout=layout,
            )
        )

    channels_last = compiled("model_nhwc_input.onnx", calibration, "model")
    transposed_by_caller = compiled("model.onnx", data / "calib.npy", "nhwc")
    assert not [call for call in channels_last.plan.calls if call.operator == "transpose"]
    for name in ("net.c", "net_weights.bin"):
        assert channels_last.files[name] == transposed_by_caller.files[name]
