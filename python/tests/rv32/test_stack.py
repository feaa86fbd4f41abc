# SPDX-License-Identifier: CC0-1.0
"""How deep the stack gets: read from machine code, and equal to what a program leaves behind in painted memory."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from espdl.report import stack as table
from espdl.verify import host, rv32
from espdl.verify.rv32.stack import Stack

SCRIPT = Path(rv32.__file__).resolve().parents[3] / "stack.py"
SOURCE = """
#include "harness.h"

__attribute__((noinline)) static void leaf(volatile char *x) { x[0] = 1; }
__attribute__((noinline)) static void touch(volatile char *x) { leaf(x); leaf(x); }
__attribute__((noinline)) void small(void) { volatile char a[40]; touch(a); }
__attribute__((noinline)) void deep(void) { volatile char a[6000]; touch(a); small(); touch(a); }
__attribute__((noinline)) void jumps(int n)
{
    switch (n) {
    case 1: small(); leaf((char *)0x82000000); break;
    case 2: leaf((char *)0x82000000); break;
    case 3: deep(); leaf((char *)0x82000000); break;
    case 4: leaf((char *)0x82000001); small(); leaf((char *)0x82000000); break;
    case 5: leaf((char *)0x82000002); leaf((char *)0x82000000); break;
    default: break;
    }
}
__attribute__((noinline)) void early(int n) { if (n == 7) { return; } deep(); small(); }
__attribute__((noinline)) int again(int n) { return n < 2 ? 1 : again(n - 1) + 2 * again(n - 2); }
__attribute__((noinline)) void variable(int n) { volatile char a[n]; touch(a); touch(a + 1); }
__attribute__((noinline)) void pointer(void (*f)(void)) { volatile char a[100]; touch(a); f(); touch(a); }

void twin(void); /* whose leaf() is another */

int main(void)
{
    twin();
    harness_before_run(); small(); harness_after_run();
    harness_before_run(); deep(); harness_after_run();
    harness_before_run(); jumps(3); harness_after_run();
    harness_before_run(); early(1); harness_after_run();
    return again(3) == 0 ? (variable(4), pointer(deep), 1) : 0;
}
"""
TWIN = """
__attribute__((noinline)) static void leaf(volatile char *x) { volatile char a[1500]; a[0] = *x; }
void twin(void);
void twin(void) { volatile char a[4]; a[1] = 0; leaf(a + 1); }
"""


@pytest.fixture(scope="module")
def image(rv32_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "main.c").write_text(SOURCE)
    (folder / "twin.c").write_text(TWIN)
    sources = [folder / "main.c", folder / "twin.c", rv32.HERE / "harness_rv32.c"]
    rv32.link(folder / "main.elf", sources, [f"-I{host.HARNESS}"])
    return folder / "main.elf"


def test_depth_is_what_a_run_leaves_behind(image: Path) -> None:
    done = subprocess.run(rv32.command(image), capture_output=True, text=True, timeout=60, check=True)
    painted = [int(line.split()[2]) for line in done.stderr.splitlines()]
    depths = [Stack(image).depth(name) for name in ("small", "deep", "jumps", "early")]
    assert depths[0] < 100 and depths[1] > 6000 + depths[0]
    for depth, used in zip(depths, painted, strict=True):
        assert depth - 16 <= used <= depth, (depths, painted)  # a frame's last bytes need not be written


def test_functions_of_one_name_in_two_files(image: Path) -> None:
    stack = Stack(image)
    assert 1500 < stack.depth("twin") < 1600 and stack.depth("small") < 100


def test_what_has_no_fixed_depth_is_refused(image: Path) -> None:
    with pytest.raises(ValueError, match="again calls itself"):
        Stack(image).depth("again")
    with pytest.raises(ValueError, match="variable: the size of its frame is not known"):
        Stack(image).depth("variable")


def test_pointers_are_not_followed_but_told(image: Path) -> None:
    stack = Stack(image)
    assert 100 <= stack.depth("pointer") < 200
    assert 100 <= stack.indirect["pointer"] < 200
    stack.depth("small")
    assert "small" not in stack.indirect


def test_table_is_of_these_kernels(rv32_tools: None, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("stack_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    measured = script.measure(tmp_path)
    assert list(table.table()["kernels"]) == script.kernels(), "a kernel came or went: make stack"
    if measured["source"] != table.table()["source"]:
        pytest.skip(f"the table is of {table.table()['source']}, the compiler here is {measured['source']}")
    assert measured == table.table(), "the kernels have changed: make stack"
