# SPDX-License-Identifier: CC0-1.0
"""Whole networks for the ESP32: the reference's bytes, within their buffers, and what MAC16 saves."""

from __future__ import annotations

from pathlib import Path

import guard_pages
import pytest
import xtensa
from compiled import inputs, network

from espdl.verify import compare, host

# Network -> instructions at most, as a share of those of the portable kernels on the same core, which get no more flash
# than these; random weights.
SHARES = {"ic_resnet8": 0.45, "kws_dscnn": 0.50, "vww_mobilenet": 0.60, "ad_autoencoder": 0.45}
needs_tools = pytest.mark.skipif(xtensa.available() is not None, reason=str(xtensa.available()))


def names(quickest: str) -> list:
    """All networks, of which `make test` takes one."""
    return [pytest.param(name, marks=() if name == quickest else pytest.mark.sweep) for name in SHARES]


@pytest.mark.slow
@pytest.mark.parametrize("name", names("kws_dscnn"))
def test_network_computes_the_bytes_of_the_reference_within_its_buffers(name: str, tmp_path: Path) -> None:
    compilation = network(name, "esp32")
    values = inputs(compilation, samples=2)
    program = host.build(compilation.plan, compilation.files, "net", tmp_path / "program")
    assert compare.first_difference(compilation.plan, values, program.run(values)) is None
    guard_pages.check(compilation.plan, inputs(compilation), tmp_path / "guarded")


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize("name", names("ad_autoencoder"))
def test_network_takes_few_instructions(name: str, tmp_path: Path) -> None:
    counts = {}
    for chip in ("esp32", "esp32s2"):  # of the same numerics, without kernels of its own
        compilation = network(name, chip, flash_budget="0")
        compilation.files.write(tmp_path / chip)
        counts[chip] = xtensa.count(compilation.plan, tmp_path / chip, tmp_path / f"{chip}-build").total
    assert counts["esp32"] <= SHARES[name] * counts["esp32s2"]
