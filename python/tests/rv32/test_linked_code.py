# SPDX-License-Identifier: CC0-1.0
"""What of the kernels ends in the flash: those that the network uses, and no float library beside them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import harness
import networks
import pytest

from espdl import backends, emit, pipeline
from espdl.plan.types import Plan
from espdl.verify import rv32

pytestmark = pytest.mark.slow
DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"
# libgcc's names for arithmetic and conversions of float and double.
FLOAT = re.compile(r"__\w*[sd]f(2|3|si|di|sf|df)?$|__(fix|float|extend|trunc)\w*[sd]f\w*$")
PRODUCTS = re.compile(r"espdl_(conv|depthwise|gemm|dot)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("linked")


def linked(folder: Path, model: Path, **options: object) -> tuple[Plan, set[str], int]:
    """The Plan, the names of all functions and objects, and the bytes of code."""
    chosen = pipeline.Options(model=str(model), name="net", output=str(folder / "generated"), effort="fast", **options)
    plan = pipeline.compile_model(chosen).plan
    files = emit.render(plan, "net", packings=backends.packings())
    code = rv32.code_size(files, "net", folder / "program")
    return plan, {name for _, name in code.symbols}, code.total


def needed(library: Path, functions: set[str]) -> set[str]:
    """`functions` and all that they call, from the objects of the archive."""
    listing = subprocess.run([rv32.NM, str(library)], check=True, capture_output=True, text=True).stdout
    calls: dict[str, set[str]] = {}
    for part in re.split(r"^\S+\.o:$", listing, flags=re.M):
        symbols = [line.split()[-2:] for line in part.splitlines() if line.strip()]
        used = {name for kind, name in symbols if kind == "U"}
        calls.update({name: used for kind, name in symbols if kind == "T"})
    found: set[str] = set()
    while functions - found:
        found |= functions
        functions = set().union(*(calls.get(name, set()) for name in found))
    return found


@pytest.mark.parametrize("network", ["digits", "ic_resnet8"])
def test_only_what_is_used(network: str, rv32_tools: None, folder: Path) -> None:
    data = DIGITS if network == "digits" else networks.write(folder / "random", [network]) / network
    model = data / ("digits.onnx" if network == "digits" else "model.onnx")
    sizes = {}
    for optimize in ("speed", "size"):
        plan, names, size = linked(folder, model, calibration=str(data / "calib.npy"), optimize=optimize)
        kernels = names & set(harness.functions())
        called = {call.function for call in plan.calls}
        assert called <= kernels
        assert kernels == needed(rv32.library(folder), called) & set(harness.functions())
        assert not [name for name in names if FLOAT.match(name)]
        sizes[optimize] = (size, {name for name in kernels if PRODUCTS.match(name)})
    assert sizes["size"][0] < sizes["speed"][0]
    assert sizes["size"][1] == {"espdl_conv2d_s8"} and len(sizes["speed"][1]) > 1


def test_floats_would_be_seen(rv32_tools: None, folder: Path) -> None:
    _, names, _ = linked(folder, DIGITS / "digits.onnx", precision="float32")
    assert {name for name in names if FLOAT.match(name)} >= {"__addsf3", "__mulsf3"}
