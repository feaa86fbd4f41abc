# SPDX-License-Identifier: CC0-1.0
"""The random kernel tests once more, with the kernels compiled for rv32."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import compiled_once
import harness
import pytest

from espdl.verify import rv32


def build(folder: Path) -> None:
    """`runner.elf` in `folder`: all kernels."""
    table = folder / "functions.c"
    table.write_text(harness.function_table())
    own = [table, harness.HERE / "runner.c", harness.HERE / "runner_rv32.c"]
    rv32.link(folder / "runner.elf", [*own, rv32.library(folder)], [f"-I{harness.HERE}"])


@pytest.fixture(scope="module")
def runner(rv32_tools: None) -> Iterator[harness.Runner]:
    """Stays open under QEMU and answers cases through its standard streams."""
    runner = harness.Runner(*rv32.command(compiled_once.folder(build, "kernels on rv32") / "runner.elf"))
    yield runner
    if runner.process is not None:
        runner.process.stdin.close()
        assert runner.process.wait(timeout=60) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), harness.random_tests())
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
