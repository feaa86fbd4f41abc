# SPDX-License-Identifier: CC0-1.0
"""The bare machine counts what it says it counts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from espdl.verify import host, rv32

# Each turn of the loop is three instructions; the function in between takes 1,000 bytes of stack and its own frame.
SOURCE = """
#include "harness.h"
#include "machine.h"

static void loop(unsigned turns)
{
    __asm__ volatile("1: addi %0, %0, -1\\n nop\\n bnez %0, 1b" : "+r"(turns));
}

__attribute__((noinline)) static void use_stack(void)
{
    volatile char memory[1000];
    memory[0] = 1;
    memory[999] = 1;
}

int main(void)
{
    unsigned turns;
    while (harness_read(&turns, sizeof(turns)) == sizeof(turns)) {
        harness_before_run();
        loop(turns);
        use_stack();
        harness_after_run();
        harness_write(&turns, sizeof(turns));
    }
    return 7;
}
"""


@pytest.fixture(scope="module")
def image(rv32_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "main.c").write_text(SOURCE)
    sources = [folder / "main.c", rv32.HERE / "harness_rv32.c"]
    rv32.link(folder / "main.elf", sources, [f"-I{host.HARNESS}"])
    return folder / "main.elf"


def test_missing_tools_are_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rv32.shutil, "which", lambda tool: None)
    reason = rv32.available.__wrapped__()
    assert rv32.GCC in reason and "apt-get install" in reason


def run(image: Path, turns: list[int]) -> tuple[subprocess.CompletedProcess, list[list[str]]]:
    stream = b"".join(n.to_bytes(4, "little") for n in turns)
    done = subprocess.run(rv32.command(image), input=stream, capture_output=True, timeout=60, check=False)
    return done, [line.split() for line in done.stderr.decode().splitlines()]


def test_streams_and_exit_code(image: Path) -> None:
    turns = list(range(1, 10_001, 7))
    done, notes = run(image, turns)
    assert done.returncode == 7
    assert done.stdout == b"".join(n.to_bytes(4, "little") for n in turns)
    assert [note[0] for note in notes] == ["run"] * len(turns)


def test_instructions_are_exact(image: Path) -> None:
    _, notes = run(image, [1, 2, 1_000_001, 1_000_001])
    one, two, million, again = (int(note[1]) for note in notes)
    assert two - one == 3
    assert million - one == 3_000_000
    assert again == million
    assert one < 30


def test_stack_is_what_was_written(image: Path) -> None:
    _, notes = run(image, [1])
    assert 1000 <= int(notes[0][2]) <= 1100
