# SPDX-License-Identifier: Apache-2.0
"""What `make quick` leaves to `make test`: whole folders and files whose tests build many programs."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOW = {
    "benchmarks",
    "cmake",
    "debug",
    "emit/test_test_vectors.py",
    "esp32s3",
    "esp_dl",
    "fallback",
    "faults",
    "guard_pages",
    "operators",
    "pipeline/test_borders.py",
    "pipeline/test_several_ports.py",
    "quantize/test_calibration_memory.py",
    "quantize/test_carried_tools.py",
    "quantize/test_commands.py",
    "quantize/test_dead_channels.py",
    "quantize/test_schemes.py",
    "report",
    "rv32",
    "verify/test_host.py",
    "verify/test_programs.py",
}
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.path).relative_to(HERE)
        if {path.parent.as_posix(), path.as_posix()} & SLOW:
            item.add_marker(pytest.mark.slow)
