# SPDX-License-Identifier: CC0-1.0
"""The random tests once more on QEMU's core de212, which executes MAC16 and hardware loops."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import compiled_once
import harness
import mac16_harness
import pytest
import row_facts
import xtensa

reason = xtensa.available()
needs_tools = pytest.mark.skipif(reason is not None, reason=str(reason))


@pytest.fixture(scope="module")
def runner() -> Iterator[harness.Runner]:
    """Stays open under QEMU and answers cases through its standard streams."""
    folder = compiled_once.folder(mac16_harness.build_for_de212, "kernels on de212")
    # A core that faults stands still for ever: then its end is an answer.
    runner = harness.Runner("timeout", "300", *xtensa.command(folder / "runner.elf", *xtensa.one_by_one_options()))
    yield runner
    if runner.process is not None:
        runner.process.stdin.close()
        runner.process.wait(timeout=60)


def test_every_kernel_has_a_random_test_and_rows() -> None:
    tests = [getattr(importlib.import_module(module), name) for module, name in mac16_harness.random_tests()]
    named = {kernel for test in tests for kernel in test.kernels}
    assert named == set(mac16_harness.functions())
    by_rows = {name for name in (*row_facts.MAKERS, *row_facts.WHOLE) if name.startswith("espdl_mac16_")}
    assert by_rows == named


@needs_tools
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
