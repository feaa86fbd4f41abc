# SPDX-License-Identifier: CC0-1.0
"""Runs kernel calls of a Plan in compiled C and compares them with the operators' references, bit for bit."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

import c_structs
import compiled_once
import numpy as np
import row_facts
import row_windows
from hypothesis import HealthCheck, settings

from espdl.backends.lowering import packings
from espdl.backends.rows import FACTS
from espdl.ops.operator import operators
from espdl.plan.params import Params
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_TFLITE
from espdl.verify import host

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
ENUMERATORS = {ROUND_TFLITE: 0, ROUND_HALF_UP: 1, ROUND_HALF_EVEN: 2}
WARNINGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
INPUT, OUTPUT, SCRATCH, PRECEDED, SHARED = range(5)
GARBAGE = 0xA5  # what the runner puts where nothing is yet

# Random examples of each property; ESPDL_TEST_EXAMPLES=2000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "80"))
examples = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


_ran: set[str] = set()  # the kernels that `check` was given since a test began
_windowed: set[str] = set()  # those of them that ran on a part of their rows
_planned: set[str] = set()  # those of which the planner knows how


def runs(*names: str, rows: row_facts.Maker | str | None = None) -> Callable[[Callable], Callable]:
    """Decorator of random tests, outermost: kernels that the examples call for sure, in a run of usual length.

    All tests together must name all kernels; test_build.py holds them to it. `rows`: of kernels that stand in no table
    of row_facts.py, how they run on some of their rows, or why on all of them.
    """
    if rows is not None:
        row_facts.add(names, rows)

    def decorate(test: Callable) -> Callable:
        @wraps(test)
        def measured(*arguments: Any, **fixtures: Any) -> None:
            _ran.clear()
            _windowed.clear()
            _planned.clear()
            test(*arguments, **fixtures)
            by_rows = set(names) & set(row_facts.MAKERS)
            assert EXAMPLES < 100 or _ran >= set(names), f"no example calls {sorted(set(names) - _ran)}"
            assert EXAMPLES < 100 or _windowed >= by_rows, f"no example has rows of {sorted(by_rows - _windowed)}"
            # The planner has a transposition take rows of planes, which is no window of its input.
            planned = set(names) & set(FACTS) - {"espdl_transpose"}
            assert EXAMPLES < 100 or _planned >= planned, f"no example plans rows of {sorted(planned - _planned)}"

        measured.runs = names
        return measured

    return decorate


def random_tests() -> list[tuple[str, str]]:
    """(module, function) of all tests that are decorated with `runs`."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        assert Path(module.__file__ or "") == path, f"{module.__file__} has the name of {path}"
        found += [
            (path.stem, name) for name, test in vars(module).items() if isinstance(getattr(test, "runs", None), tuple)
        ]
    return found


def sources() -> list[Path]:
    return sorted((ROOT / "src" / "kernels").glob("*.c"))


@cache
def functions() -> tuple[str, ...]:
    """The names of all kernels, from the headers."""
    headers = sorted((ROOT / "include" / "espdl" / "kernels").glob("*.h"))
    return tuple(sorted(name for h in headers for name in re.findall(r"^void (espdl_\w+)\(", h.read_text(), re.M)))


def function_table() -> str:
    """The generated part of the runner: C that lists the kernels in the order of `functions()`."""
    lines = ['#include "runner.h"']
    lines += [f'#include "espdl/kernels/{h.name}"' for h in sorted((ROOT / "include/espdl/kernels").glob("*.h"))]
    lines += ["const espdl_test_function_t espdl_test_functions[] = {"]
    lines += [f"    (espdl_test_function_t){name}," for name in functions()]
    lines += ["};", f"const uint32_t espdl_test_function_count = {len(functions())};", ""]
    return "\n".join(lines)


def build(folder: Path) -> None:
    """`runner` in `folder`: all kernels, sanitised as for the programs of other tests."""
    table = folder / "functions.c"
    table.write_text(function_table())
    own = [table, HERE / "runner.c", HERE / "runner_host.c", host.library(folder, flags=host.SANITIZERS)]
    command = ["gcc", *WARNINGS, *host.SANITIZERS, f"-I{ROOT / 'include'}", f"-I{HERE}", *map(str, own)]
    subprocess.run([*command, "-o", str(folder / "runner")], check=True)


class Runner:
    """A program with all kernels that stays open and answers cases through a pipe (format: runner.c)."""

    def __init__(self, *command: str):
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, case: bytes, answer_bytes: Sequence[int]) -> list[bytes]:
        """The content of the output buffers; AssertionError with the sanitizer's words where the kernel misbehaves."""
        if self.process is None or self.process.poll() is not None:
            self.errors = tempfile.TemporaryFile()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
            )
        try:
            self.process.stdin.write(case)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        status = self.process.stdout.read(4)
        if len(status) < 4:
            self.process.wait()
            self.errors.seek(0)
            raise AssertionError(f"the kernel crashed:\n{self.errors.read().decode(errors='replace')[:4000]}")
        (code,) = struct.unpack("<I", status)
        assert code == 0, f"the kernel wrote outside, or into the input, of buffer {code - 1}"
        return [self.process.stdout.read(n) for n in answer_bytes]


@cache
def runner() -> Runner:
    return Runner(str(compiled_once.folder(build, "kernels") / "runner"))


def pack_params(params: Params) -> bytes:
    """The memory of a parameter struct: every field is 32 bits wide."""
    packed = b""
    for _, value in params.flat():
        for item in value if isinstance(value, tuple) else (value,):
            item = ENUMERATORS[item] if isinstance(item, str) else item
            packed += struct.pack("<f" if isinstance(item, float) else "<i", item)
    return packed


def encode(call: KernelCall, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], shift: int, pair) -> bytes:
    """One case: sizes from `outputs`; addresses `shift` items off alignment; `pair` (input, output, lead) shared, where
    the output begins `lead` bytes in front of the input, or behind its beginning if that is negative."""
    buffers = [(INPUT, x, x.tobytes(), 0) for x in inputs]
    buffers += [(INPUT, c, np.ascontiguousarray(c).tobytes(), 0) for c in packings()[call.packing](call)]
    for i, y in enumerate(outputs):
        if pair is not None and pair[1] == i:
            # The memory is that of the input, from the lead on, and up to the later end of both.
            kind, x, content, _ = buffers[pair[0]]
            buffers[pair[0]] = (kind, x, content + bytes(max(0, y.nbytes - pair[2] - x.nbytes)), max(0, pair[2]))
            buffers.append((SHARED + pair[0], y, b"", max(0, -pair[2])))
        else:
            buffers.append((OUTPUT, y, b"", 0))
    params = pack_params(call.params)
    case = struct.pack("<II", functions().index(call.function), len(params)) + params
    case += struct.pack("<I", len(buffers) + (call.scratch_bytes > 0))
    for kind, array, content, lead in buffers:
        size = len(content) if kind == INPUT else array.nbytes
        case += struct.pack("<III", kind, size, shift * array.itemsize % 16 + 256 * lead) + content
    if call.scratch_bytes > 0:
        case += struct.pack("<III", SCRATCH, call.scratch_bytes, 0)
    return case


def check(call: KernelCall, *inputs: np.ndarray, shift: int = 0) -> list[np.ndarray]:
    """Runs `call` apart, with all memory shared that it allows, and with rows apart where it can step over what lies in
    between, each equal to the reference bit for bit; returns the reference's outputs."""
    c_structs.check(call.params)
    _ran.add(call.function)
    constants = {c.name: c.data for c in call.constants}
    expected = operators()[call.operator].reference(call.params, inputs, constants)
    further = [(i, o, lead + (1 + shift) * expected[o].itemsize) for i, o, lead in call.overlaps]
    for pair in (None, *((i, o, 0) for i, o in call.in_place), *call.overlaps, *further):
        case = encode(call, inputs, expected, shift, pair)
        answers = runner().run(case, [y.nbytes for y in expected])
        for y, answer in zip(expected, answers, strict=True):
            actual = np.frombuffer(answer, y.dtype).reshape(y.shape)
            np.testing.assert_array_equal(actual, y, err_msg=f"{call.function} {call.params} sharing {pair}")
    if call.pitched:
        check_pitched(call, inputs, expected, shift)
    check_rows(call, inputs, expected, shift)
    return expected


def check_rows(call: KernelCall, inputs: Sequence[np.ndarray], expected: list[np.ndarray], shift: int) -> None:
    """Calls for some rows after the other, each given only the rows that it needs, together compute the whole."""
    for window in row_windows.random_split(call, inputs, expected):
        _windowed.add(call.function)
        _planned.update([call.function] if window.is_planned else [])
        for pair in (None, *window.shared):
            case = encode(window.call, window.inputs, [window.output], shift, pair)
            (answer,) = runner().run(case, [window.output.nbytes])
            actual = np.frombuffer(answer, window.output.dtype).reshape(window.output.shape)
            message = f"{call.function} {window.call.params}: {window} sharing {pair}"
            np.testing.assert_array_equal(actual, window.output, err_msg=message)


def check_pitched(call: KernelCall, inputs: Sequence[np.ndarray], expected: list[np.ndarray], shift: int) -> None:
    """The first input and the first output in rows with something else between them, which stays as it is."""
    rows = {field: getattr(call.params, field) for field in call.pitched}  # before: rows one behind the other
    wider = {field: row + 1 + (shift + 5 * i) % 16 for i, (field, row) in enumerate(rows.items())}
    call = dataclasses.replace(call, params=dataclasses.replace(call.params, **wider))
    inputs, outputs = list(inputs), list(expected)
    if "input_pitch" in rows:
        inputs[0] = _apart(inputs[0], rows["input_pitch"], wider["input_pitch"], 0x5A)
    if "output_pitch" in rows:
        outputs[0] = _apart(outputs[0], rows["output_pitch"], wider["output_pitch"], GARBAGE)
    answers = runner().run(encode(call, inputs, outputs, shift, None), [y.nbytes for y in outputs])
    for y, answer in zip(outputs, answers, strict=True):
        np.testing.assert_array_equal(np.frombuffer(answer, y.dtype), y.reshape(-1), err_msg=f"{call.function} {wider}")


def _apart(array: np.ndarray, row: int, pitch: int, filling: int) -> np.ndarray:
    """uint8: the bytes of `array`, rows of `row` bytes `pitch` bytes apart, `filling` between them."""
    rows = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, row)
    apart = np.full((len(rows), pitch), filling, np.uint8)
    apart[:, :row] = rows
    return apart.reshape(-1)[: apart.size - (pitch - row)]
