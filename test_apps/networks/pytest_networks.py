# SPDX-License-Identifier: CC0-1.0
"""Four networks on every chip: their bytes, their size, and what each layer takes.

`--espdl-results FILE` keeps the cycles of each layer, `--espdl-board TEXT` says whose they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sizes
from pytest_embedded import Dut
from pytest_embedded_idf.utils import idf_parametrize

PYTHON = Path(__file__).resolve().parents[2] / "python"
CHIPS = sorted(path.stem for path in (PYTHON / "espdl" / "chips").glob("esp*.py"))
XTENSA = ("esp32", "esp32s2", "esp32s3")
COMMAND = PYTHON / "espdl_cli.py"
# Of the prediction, whose table another compiler made.
ALLOWED = 0.02


@pytest.mark.host_test
@idf_parametrize("target", ["linux"], indirect=["target"])
def test_networks_linux(dut: Dut) -> None:
    dut.expect_exact("PASS", timeout=60)


@pytest.mark.generic
@pytest.mark.qemu
@pytest.mark.espemu
@pytest.mark.parametrize("config", ["default", "portable"], indirect=True)
@idf_parametrize("target", CHIPS, indirect=["target"])
def test_networks(dut: Dut) -> None:
    dut.expect_exact("PASS", timeout=120)


@pytest.mark.generic
@pytest.mark.host_test
@pytest.mark.parametrize("config", ["profile"], indirect=True)
@idf_parametrize("target", [*CHIPS, "linux"], indirect=["target"])
def test_cycles(dut: Dut, target: str, build_dir: str, app_path: str, request: pytest.FixtureRequest) -> None:
    """The report of each network with the cycles that this board took (nanoseconds on a computer)."""
    dut.expect_exact("PASS", timeout=120)
    log = Path(dut.logfile)
    results = {}
    for report in (Path(app_path) / build_dir).rglob("espdl/*/report.json"):
        measured = report.with_name("measured.json")
        command = [request.config.getoption("--espdl-python"), COMMAND, "report", report, "--profile", log, "--json"]
        subprocess.run([*command, measured], check=True)
        values = json.loads(measured.read_text())
        layers = [{"kernel": layer["kernel"], "cost": layer["cost"]} for layer in values["layers"]]
        cost = values["cost"]
        results[report.parent.name] = {"unit": cost["unit"], "total": cost["total"], "layers": layers}
    kept = request.config.getoption("--espdl-results")
    if kept:
        path = Path(kept)
        known = json.loads(path.read_text()) if path.exists() else {}
        known[target] = {"board": request.config.getoption("--espdl-board"), "networks": results}
        path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


@pytest.mark.size
@pytest.mark.parametrize("target", CHIPS)
def test_size(target: str) -> None:
    """Needs the build alone, no board."""
    build = Path(__file__).parent / f"build_{target}_portable"
    if not build.is_dir():
        pytest.skip(f"there is no {build.name}: idf-build-apps build --target {target}")
    table = json.loads(sizes.TABLE.read_text())["xtensa" if target in XTENSA else "rv32"]
    wanted, found = sizes.predicted(sizes.reports(build), table), sizes.of_firmware(build)
    print(f"{target}: predicted {wanted}, counted {found}", file=sys.stderr)
    assert abs(found.flash - wanted.flash) <= ALLOWED * wanted.flash
    assert abs(found.arena - wanted.arena) <= ALLOWED * wanted.arena
