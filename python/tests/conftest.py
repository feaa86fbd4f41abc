# SPDX-License-Identifier: Apache-2.0
"""What `make quick` leaves to `make test`: whole folders and files whose tests build many programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import compiled_once
import pytest
import sweeps

from espdl import wording
from espdl.verify import host, kept

SLOW = {
    "benchmarks",
    "cmake",
    "cores",
    "debug",
    "emit/test_test_vectors.py",
    "esp32",
    "esp32s3",
    "esp_dl",
    "export",
    "fallback",
    "faults",
    "guard_pages",
    "inputs/test_borders_of_channels.py",
    "operators",
    "partition",
    "pipeline/test_borders.py",
    "pipeline/test_input_memory.py",
    "pipeline/test_long_graphs.py",
    "pipeline/test_ranks.py",
    "pipeline/test_several_ports.py",
    "quantize/test_calibration_memory.py",
    "quantize/test_prequantized.py",
    "quantize/test_prequantized_tools.py",
    "quantize/test_commands.py",
    "quantize/test_dead_channels.py",
    "quantize/test_divisors.py",
    "quantize/test_factors.py",
    "quantize/test_losses.py",
    "quantize/test_masks.py",
    "quantize/test_operator_form.py",
    "quantize/test_scale_ends.py",
    "quantize/test_schemes.py",
    "report",
    "rv32",
    "streams",
    "stripes",
    "tune/test_cluster.py",
    "tune/test_tune_command.py",
    "verify/test_host.py",
    "verify/test_layerwise.py",
    "verify/test_programs.py",
}
HERE = Path(__file__).resolve().parent
# No folder can be made below a file: what a test compiles is never older than its sources.
NOWHERE = HERE / "conftest.py" / "kernels"


@pytest.fixture(scope="session", autouse=True)
def compiled_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One archive of runtime and kernels per set of flags, for all tests and workers."""
    compiled_once.set_root(tmp_path_factory)
    library = compiled_once.one_library(host.library)
    with mock.patch.object(host, "library", library), mock.patch.object(kept, "place", lambda: NOWHERE):
        yield


def pytest_runtest_setup() -> None:
    """A command that a test ran in this process may have left the words of CMake."""
    wording.speak(cmake=False)


def in_slow(path: Path) -> bool:
    path = path.relative_to(HERE)
    return bool({path.parent.as_posix(), path.as_posix()} & SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Importing what is left out anyway would take two seconds of each worker."""
    return True if "not slow" in config.option.markexpr and in_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if in_slow(Path(item.path)):
            item.add_marker(pytest.mark.slow)
        if sweeps.is_left(item.nodeid.removeprefix("tests/")):
            item.add_marker(pytest.mark.sweep)
