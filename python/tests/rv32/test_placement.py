# SPDX-License-Identifier: CC0-1.0
"""WEIGHTS flash, ram and psram on a machine with three memories: where they are linked, where a run reads them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from espdl import pipeline
from espdl.errors import EspdlError
from espdl.verify import rv32, vectors

HERE = Path(__file__).resolve().parent / "placement"
DIGITS = Path(__file__).resolve().parents[3] / "examples" / "digits" / "model"

# Of picolibc's linker script as rv32.link() calls it, and behind them.
MEMORIES = {
    "flash": range(0x80000000, 0x82000000),
    "ram": range(0x82000000, 0x87000000),
    "psram": range(0x87000000, 0x88000000),
}


def headers() -> list[str]:
    """Where esp_attr.h comes from: ESP-IDF where it is installed, else a stand-in. That of sdkconfig.h serves both."""
    idf = os.environ.get("IDF_PATH")
    own = [f"-I{Path(idf) / 'components' / 'esp_common' / 'include'}"] if idf else []
    return [*own, f"-I{HERE}"]


def link(weights: str, folder: Path, *flags: str) -> Path:
    np.save(folder / "samples.npy", np.load(DIGITS / "test.npz")["x"][:2])
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"),
        calibration=str(DIGITS / "calib.npy"),
        name="net",
        output=str(folder),
        weights=weights,
    )
    vectors.files_for(pipeline.compile_model(options), folder / "samples.npy").write(folder)
    image = folder / "placement.elf"
    sources = [HERE / "main.c", *(folder / name for name in ("net.c", "net_test.c", "net_weights.S"))]
    # A section of its own, which picolibc's linker script does not place.
    script = "-Wl,--section-start=.ext_ram.bss.0=0x87000000"
    rv32.link(image, [*sources, rv32.library(folder)], ["-DESP_PLATFORM=1", f"-I{folder}", *headers(), script, *flags])
    return image


@pytest.mark.parametrize("weights", MEMORIES)
def test_weights(rv32_tools: None, tmp_path: Path, weights: str) -> None:
    image = link(weights, tmp_path)
    done = subprocess.run(rv32.command(image), capture_output=True, text=True, timeout=120, check=True)
    addresses = {name: int(value, 16) for name, value in re.findall(r"(\w+) (0x[0-9a-f]+)", done.stdout)}
    assert addresses["linked"] in MEMORIES["flash"]
    assert addresses["used"] in MEMORIES[weights]
    assert addresses["used"] % 16 == 0
    assert addresses["arena"] in MEMORIES["ram"]
    status = dict(re.findall(r"(init|run|damaged|again) (\S+)", done.stdout))
    # Damaged copies change the outputs, so it is the copies that a run reads; flash has no copy.
    damaged = "-" if weights == "flash" else "ESPDL_DIFFERENT"
    assert status == {"init": "ESPDL_OK", "run": "ESPDL_OK", "damaged": damaged, "again": "ESPDL_OK"}


def test_psram_that_is_not_there(rv32_tools: None, tmp_path: Path) -> None:
    """Where CMake has not refused it, the C compiler does."""
    with pytest.raises(
        EspdlError, match="WEIGHTS psram of the model 'net' needs CONFIG_SPIRAM_ALLOW_BSS_SEG_EXTERNAL_M"
    ):
        link("psram", tmp_path, "-DWITHOUT_PSRAM=1")
