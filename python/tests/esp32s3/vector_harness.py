# SPDX-License-Identifier: CC0-1.0
"""Runs calls of the vector kernels in their emulation and compares them with the operators' references, bit for bit."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import c_structs
import compiled_once
import harness
import numpy as np
import row_windows
from harness import INPUT, OUTPUT, SCRATCH, SHARED
from hypothesis import HealthCheck, settings

from espdl.backends.chip_rows import ANYWHERE
from espdl.backends.lowering import packings
from espdl.ops.operator import operators
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_HALF_UP, ROUND_TFLITE, Target
from espdl.verify import host

ROOT = Path(__file__).resolve().parents[3]
PORT = ROOT / "port" / "esp32s3"
RUNNER = ROOT / "python" / "tests" / "kernels"
WARNINGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
# At this optimisation GCC 12 takes the address of a rounded pointer for null. The address sanitizer sees both as well.
SANITIZERS = [*host.SANITIZERS, "-fno-sanitize=null,object-size"]
INCLUDES = [f"-I{PORT / 'include'}", f"-I{ROOT / 'include'}"]
TARGET = Target("esp32s3", ("esp32s3", "portable"), "power_of_two", ROUND_HALF_UP, False)
AFFINE = Target("esp32s3", ("esp32s3", "portable"), "affine", ROUND_TFLITE, True)

# Random examples of each property; ESPDL_TEST_EXAMPLES=2000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "60"))
examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)

windowed: set[str] = set()  # the kernels that `check` ran on a part of their rows

COUNTERS = """
#include "espdl/esp32s3/emulation.h"
static void counters(const void *unused, uint64_t *y)
{
    (void)unused;
    const espdl_pie_counters_t c = espdl_pie_counters();
    y[0] = c.operations;
    y[1] = c.misaligned;
}
"""


def headers() -> list[Path]:
    return sorted((PORT / "include" / "espdl" / "esp32s3").glob("*.h"))


def sources() -> list[Path]:
    return sorted((PORT / "src").glob("*.c"))


@cache
def functions() -> tuple[str, ...]:
    """The names of all kernels, from the headers: what takes parameters of a layer and is no part of one (extern)."""
    kernel = re.compile(r"^(?:ESPDL_S3_INLINE )?void (espdl_s3_\w+)\(const espdl_\w+_params_t \*", re.M)
    return tuple(sorted(name for header in headers() for name in kernel.findall(header.read_text())))


@dataclass(frozen=True)
class Counts:
    """What the emulation counted in one call."""

    operations: int
    misaligned: int


def build(folder: Path) -> None:
    """`runner` in `folder`: all kernels, sanitised."""
    lines = ['#include "runner.h"', *(f'#include "espdl/esp32s3/{h.name}"' for h in headers()), COUNTERS]
    names = [*functions(), "counters"]
    lines += ["const espdl_test_function_t espdl_test_functions[] = {"]
    lines += [f"    (espdl_test_function_t){name}," for name in names]
    lines += ["};", f"const uint32_t espdl_test_function_count = {len(names)};", ""]
    table = folder / "functions.c"
    table.write_text("\n".join(lines))
    own = [table, RUNNER / "runner.c", RUNNER / "runner_host.c"]
    # A cast between function types is how the runner calls them all.
    command = ["gcc", *WARNINGS, *SANITIZERS, *INCLUDES, f"-I{RUNNER}"]
    compiled_once.link(command, [*own, *sources()], folder / "runner")


class Runner(harness.Runner):
    """A program with all vector kernels; its emulation of the vector unit counts."""

    counted = (0, 0)

    def run(self, case: bytes, answer_bytes: Sequence[int]) -> list[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.counted = (0, 0)
        return super().run(case, answer_bytes)

    def counts(self) -> Counts:
        """What was counted since the last time."""
        case = struct.pack("<III", len(functions()), 4, 0) + struct.pack("<I", 1) + struct.pack("<III", OUTPUT, 16, 0)
        now = struct.unpack("<QQ", self.run(case, [16])[0])
        before, self.counted = self.counted, now
        return Counts(now[0] - before[0], now[1] - before[1])


@cache
def runner() -> Runner:
    return Runner(str(compiled_once.folder(build, "vector kernels") / "runner"))


def encode(call: KernelCall, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], places, pair) -> bytes:
    """One case. Inputs and constants fill their last block of 16 bytes, as in the arena and in the blob of weights; and
    their first, where they may begin inside of one.

    `places`: where inputs, then outputs begin behind a multiple of 16. `pair`: (input, output, lead) in one memory:
    the output begins `lead` bytes in front of the input, or behind its beginning if that is negative.
    """
    is_anywhere = call.function in ANYWHERE
    blocks = [(x.tobytes(), place, place * is_anywhere) for x, place in zip(inputs, places, strict=False)]
    blocks += [(np.ascontiguousarray(c).tobytes(), 0, 0) for c in packings()[call.packing](call)]
    if pair is not None:
        content, place, lead = blocks[pair[0]]
        lead = max(lead, pair[2])
        blocks[pair[0]] = (content.ljust(outputs[pair[1]].nbytes - pair[2], b"\x7f"), place, lead)
    params = harness.pack_params(call.params)
    case = struct.pack("<II", functions().index(call.function), len(params)) + params
    case += struct.pack("<I", len(blocks) + len(outputs) + (call.scratch_bytes > 0))
    for content, place, lead in blocks:
        content += b"\x7f" * (-(len(content) + place) % 16)
        case += struct.pack("<III", INPUT, len(content), place + 256 * lead) + content
    for i, (y, place) in enumerate(zip(outputs, places[len(inputs) :], strict=True)):
        kind, behind = OUTPUT, 0
        if pair is not None and pair[1] == i:
            kind, behind = SHARED + pair[0], blocks[pair[0]][2] - pair[2]
        case += struct.pack("<III", kind, y.nbytes, place + 256 * behind)
    if call.scratch_bytes > 0:
        case += struct.pack("<III", SCRATCH, call.scratch_bytes, 0)
    return case


def reference(call: KernelCall, *inputs: np.ndarray) -> list[np.ndarray]:
    return operators()[call.operator].reference(call.params, inputs, {c.name: c.data for c in call.constants})


def shared(call: KernelCall, outputs: Sequence[np.ndarray]) -> list[tuple[int, int, int]]:
    """(input, output, lead) of some memory that the Plan may let `call` share; leads are multiples of 16."""
    leads = [(i, o, -(-lead // 16) * 16) for i, o, lead in call.overlaps]
    larger = [(i, o, lead + more) for i, o, lead in leads for more in (16, outputs[o].nbytes // 3 // 16 * 16)]
    return [*((i, o, 0) for i, o in call.in_place), *leads, *larger]


def check(call: KernelCall, *inputs: np.ndarray, shift: int | Sequence[int] = 0) -> Counts:
    """Runs `call` apart and with shared memory, each equal to the reference bit for bit; what the first run counted.

    `shift`: all tensors, or the inputs, then the outputs, begin that many bytes behind a multiple of 16.
    """
    c_structs.check(call.params)
    expected = reference(call, *inputs)
    places = [shift] * (len(inputs) + len(expected)) if isinstance(shift, int) else shift
    counts = None
    for pair in (None, *shared(call, expected)):
        answers = runner().run(encode(call, inputs, expected, places, pair), [y.nbytes for y in expected])
        measured = runner().counts()
        counts = counts or measured
        assert measured.misaligned == 0, f"{call.function} rounded {measured.misaligned} addresses"
        for y, answer in zip(expected, answers, strict=True):
            actual = np.frombuffer(answer, y.dtype).reshape(y.shape)
            np.testing.assert_array_equal(actual, y, err_msg=f"{call.function} {call.params} sharing {pair}")
    check_rows(call, inputs, expected)
    return counts


def check_rows(call: KernelCall, inputs: Sequence[np.ndarray], expected: list[np.ndarray]) -> None:
    """Calls for some rows after the other, each given only the rows that it needs, together compute the whole."""
    for window in row_windows.random_split(call, inputs, expected):
        windowed.add(call.function)
        for pair in (None, *window.shared):
            place = (window.first + window.output.size) % 16 if pair is None and call.function in ANYWHERE else 0
            place -= place % window.inputs[0].itemsize
            places = [*[place] * len(inputs), place if call.alignment == 1 else 0]
            case = encode(window.call, window.inputs, [window.output], places, pair)
            (answer,) = runner().run(case, [window.output.nbytes])
            assert runner().counts().misaligned == 0, f"{call.function}, {window}, rounded addresses"
            actual = np.frombuffer(answer, window.output.dtype).reshape(window.output.shape)
            message = f"{call.function} {window.call.params}: {window} sharing {pair}"
            np.testing.assert_array_equal(actual, window.output, err_msg=message)
