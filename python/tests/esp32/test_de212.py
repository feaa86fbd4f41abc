# SPDX-License-Identifier: CC0-1.0
"""The random tests once more on QEMU's core de212, which executes MAC16 and hardware loops."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import compiled_once
import harness
import mac16_harness
import pytest
import xtensa

reason = xtensa.available()
pytestmark = pytest.mark.skipif(reason is not None, reason=str(reason))


@pytest.fixture(scope="module")
def runner() -> Iterator[harness.Runner]:
    """Stays open under QEMU and answers cases through its standard streams."""
    folder = compiled_once.folder(mac16_harness.build_for_de212, "kernels on de212")
    runner = harness.Runner(*xtensa.command(folder / "runner.elf"))
    yield runner
    if runner.process is not None:
        runner.process.stdin.close()
        runner.process.wait(timeout=60)


@pytest.mark.parametrize(("module", "name"), mac16_harness.random_tests())
def test_kernel_equals_reference(
    runner: harness.Runner, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    answered = 0

    def count() -> harness.Runner:
        nonlocal answered
        answered += 1
        return runner

    monkeypatch.setattr(harness, "runner", count)
    getattr(importlib.import_module(module), name)()
    assert answered > 0
