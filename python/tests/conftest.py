# SPDX-License-Identifier: Apache-2.0
"""What `make quick` leaves to `make test`: whole folders whose tests build many programs."""

from __future__ import annotations

from pathlib import Path

import pytest

SLOW_FOLDERS = {
    "benchmarks",
    "cmake",
    "debug",
    "esp32s3",
    "esp_dl",
    "fallback",
    "faults",
    "operators",
    "report",
    "rv32",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent.name in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)
