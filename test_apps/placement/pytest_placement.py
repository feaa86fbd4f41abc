# SPDX-License-Identifier: CC0-1.0
import pytest
from pytest_embedded import Dut
from pytest_embedded_idf.utils import idf_parametrize


@pytest.mark.host_test
@pytest.mark.parametrize("config", ["default", "static"], indirect=True)
@idf_parametrize("target", ["linux"], indirect=["target"])
def test_placement_linux(dut: Dut) -> None:
    dut.expect_exact("PASS", timeout=30)


@pytest.mark.generic
@pytest.mark.parametrize("config", ["default", "static"], indirect=True)
@idf_parametrize("target", ["esp32", "esp32s3", "esp32c3", "esp32c6", "esp32p4"], indirect=["target"])
def test_placement(dut: Dut) -> None:
    dut.expect_exact("PASS", timeout=30)


@pytest.mark.psram
@pytest.mark.parametrize("config", ["psram"], indirect=True)
@idf_parametrize("target", ["esp32", "esp32s3", "esp32p4"], indirect=["target"])
def test_placement_psram(dut: Dut) -> None:
    dut.expect_exact("PASS", timeout=30)
