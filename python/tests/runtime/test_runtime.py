# SPDX-License-Identifier: CC0-1.0
"""The runtime in C: every status, the hook, the helpers from and to float."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from espdl.verify import host

HERE = Path(__file__).parent
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
RUNTIME = [str(host.COMPONENT / "src" / name) for name in ("runtime.c", "run_regions.c", "take_inputs.c")]


def compile_(program: Path, *arguments: str) -> Path:
    include = f"-I{host.COMPONENT / 'include'}"
    subprocess.run(["gcc", "-std=c11", *WARNINGS, include, *arguments, "-o", str(program)], check=True)
    return program


@pytest.mark.parametrize("flags", [("-O2",), host.SANITIZERS], ids=["optimised", "sanitized"])
def test_runtime(tmp_path: Path, flags: tuple[str, ...]) -> None:
    program = compile_(tmp_path / "runtime", *flags, str(HERE / "test_runtime.c"), *RUNTIME)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all passed\n", "")


def test_header_is_cpp() -> None:
    command = ["g++", "-std=c++17", *WARNINGS, f"-I{host.COMPONENT / 'include'}", "-x", "c++", "-fsyntax-only", "-"]
    subprocess.run(command, input='#include "espdl.h"\n', text=True, check=True)


def test_quantize_helper(tmp_path: Path) -> None:
    """Equal to numpy in single precision: divide, round to nearest even, add, saturate; on ties and NaN too."""
    rng = np.random.default_rng(0)
    count = 100_000
    ranges = np.array([[-128, 127], [0, 255], [-32768, 32767], [0, 65535]], np.int32)[rng.integers(0, 4, count)]
    zero_point = rng.integers(ranges[:, 0], ranges[:, 1] + 1).astype(np.int32)
    scale = np.float32(2.0) ** rng.integers(-12, 4, count).astype(np.float32)
    scale[count // 2 :] = rng.uniform(1e-4, 10, count - count // 2)
    steps = rng.integers(-140_000, 140_000, count) / np.where(rng.random(count) < 0.5, 2, 500)
    real = (steps * scale).astype(np.float32)
    special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 3.4e38, -3.4e38, 1e-45, 0.5, -0.5]
    real[: len(special)] = special
    cases = np.zeros(count, [("r", "<f4"), ("s", "<f4"), ("z", "<i4"), ("low", "<i4"), ("high", "<i4")])
    cases["r"], cases["s"], cases["z"] = real, scale, zero_point
    cases["low"], cases["high"] = ranges.T

    program = compile_(tmp_path / "quantize", *host.SANITIZERS, str(HERE / "quantize.c"))
    done = subprocess.run([str(program)], input=cases.tobytes(), capture_output=True, check=True)
    got = np.frombuffer(done.stdout, [("value", "<i4"), ("back", "<f4")])

    with np.errstate(over="ignore", invalid="ignore"):
        divided = np.rint((real / scale).astype(np.float32)).astype(np.float64)
    expected = np.clip(np.nan_to_num(divided, nan=0.0) + zero_point, ranges[:, 0], ranges[:, 1]).astype(np.int32)
    assert np.array_equal(got["value"], expected)
    assert np.array_equal(got["back"], (expected - zero_point).astype(np.float32) * scale)
