# SPDX-License-Identifier: CC0-1.0
"""Programs with the kernels for MAC16: emulated on this machine, and executed by QEMU's core de212."""

from __future__ import annotations

import importlib
import re
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from unittest import mock

import compiled_once
import harness
import xtensa
from hypothesis import assume, settings
from hypothesis import strategies as st

from espdl.backends import lower, select
from espdl.backends.esp32 import conv2d as esp32_conv2d
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_HALF_UP, ROUND_TFLITE, Target
from espdl.verify import host

ROOT = Path(__file__).resolve().parents[3]
PORT = ROOT / "port" / "esp32"
HERE = Path(__file__).resolve().parent
TARGETS = tuple(
    Target("esp32", ("esp32", "portable"), "affine" if r == ROUND_TFLITE else "power_of_two", r, True)
    for r in (ROUND_TFLITE, ROUND_HALF_UP)
)
EXAMPLES = max(1, harness.EXAMPLES // 2)
examples = settings(harness.examples, max_examples=EXAMPLES)
# Portable kernels that these kernels call.
CALLED = ("add_s8", "add_shift_s8")
MISALIGNED = """
#include "espdl/esp32/emulation.h"
static void misaligned(const void *unused, uint64_t *y)
{
    (void)unused;
    *y = espdl_mac16_misaligned;
}
"""


def headers() -> list[Path]:
    return sorted((PORT / "include" / "espdl" / "esp32").glob("*.h"))


@cache
def functions() -> tuple[str, ...]:
    """The names of all kernels, from the headers."""
    text = "\n".join(header.read_text() for header in headers())
    return tuple(sorted(re.findall(r"^void (espdl_mac16_\w+)\(", text, re.M)))


def function_table(more: str = "", *names: str) -> str:
    """C that lists the kernels in the order of `functions()`, then `names`, which the C text `more` defines."""
    lines = ['#include "runner.h"', *(f'#include "espdl/esp32/{h.name}"' for h in headers()), more]
    lines += ["const espdl_test_function_t espdl_test_functions[] = {"]
    lines += [f"    (espdl_test_function_t){name}," for name in (*functions(), *names)]
    count = len(functions()) + len(names)
    return "\n".join([*lines, "};", f"const uint32_t espdl_test_function_count = {count};", ""])


def build(folder: Path) -> None:
    """`runner` in `folder`: all kernels, sanitised. Products of 64 bits are the ESP32's; de212 makes them in parts."""
    table = folder / "functions.c"
    table.write_text(function_table(MISALIGNED, "misaligned"))
    own = [table, harness.HERE / "runner.c", harness.HERE / "runner_host.c"]
    sources = [*sorted((PORT / "src").glob("*.c")), *(ROOT / "src" / "kernels" / f"{name}.c" for name in CALLED)]
    includes = [f"-I{path}" for path in (PORT / "include", ROOT / "include", harness.HERE)]
    command = ["gcc", *harness.WARNINGS, *host.SANITIZERS, *includes]
    compiled_once.link(command, [*own, *sources], folder / "runner")


class Runner(harness.Runner):
    """A program with all kernels, asked after each case whether it loaded from an address that faults on the chip."""

    def run(self, case: bytes, answer_bytes: Sequence[int]) -> list[bytes]:
        answers = super().run(case, answer_bytes)
        asked = struct.pack("<IIII", len(functions()), 4, 0, 1) + struct.pack("<III", harness.OUTPUT, 8, 0)
        (count,) = struct.unpack("<Q", super().run(asked, [8])[0])
        if count:
            self.process.kill()
        assert count == 0, f"{count} loads were misaligned"
        return answers


@cache
def runner() -> Runner:
    return Runner(str(compiled_once.folder(build, "kernels for MAC16") / "runner"))


def runs(*names: str) -> Callable[[Callable], Callable]:
    """Decorator of random tests, outermost: the kernels that its examples call. test_de212.py runs these tests too."""

    def decorate(test: Callable) -> Callable:
        test.kernels = names
        return test

    return decorate


# Where tensors begin behind a multiple of 16: at words.
shifts = st.sampled_from([0, 4, 8, 12])


def call_of(node: Operator, target: Target) -> KernelCall:
    """The call of this backend's kernel, where it takes the node."""
    assume(select(node, target).backend == "esp32")
    return lower(node, target)


@st.composite
def tiles(draw: st.DrawFn):
    """A patch with which small layers have several tiles."""
    outputs, strips = draw(st.sampled_from([1, 3, 6, 32])), draw(st.sampled_from([1, 200, 4096]))
    names = ("STRIP_BYTES", "MORE_STRIP_BYTES", "MOST_STRIP_BYTES")
    return mock.patch.multiple(esp32_conv2d, MOST_OUTPUTS=outputs, **dict.fromkeys(names, strips))


def random_tests() -> list[tuple[str, str]]:
    """(module, function) of all tests that are decorated with `runs`."""
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("test_mac16_*.py"))]
    return [(m.__name__, name) for m in modules for name, test in vars(m).items() if hasattr(test, "kernels")]


def build_for_de212(folder: Path) -> None:
    """`runner.elf` in `folder`: the kernels compiled for Xtensa, their MAC16 instructions as they are."""
    table = folder / "functions.c"
    table.write_text(function_table())
    own = [table, harness.HERE / "runner.c", HERE / "runner_xtensa.c", xtensa.HERE / "library.c"]
    sources = [*xtensa.port_sources("esp32"), *(ROOT / "src" / "kernels" / f"{name}.c" for name in CALLED)]
    objects = [xtensa.compile_object(path, folder, [f"-I{harness.HERE}", f"-I{HERE}"]) for path in (*own, *sources)]
    xtensa.link(objects, folder / "runner.elf")
