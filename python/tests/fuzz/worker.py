# SPDX-License-Identifier: Apache-2.0
"""Runs fuzz cases one after the other: `python worker.py <folder> <first> <count>`; one JSON line per case.

A case that is not answered by a line crashed the worker, which is for its parent to notice.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from mutations import mutate, options  # noqa: E402 (the path above comes first)

from espdl import pipeline  # noqa: E402
from espdl.cli import main  # noqa: E402
from espdl.verify import compare, host  # noqa: E402

TO_C = 100  # one case in so many is run as C, where it is valid
SECONDS = 60


def run(folder: Path, seed: int) -> dict:
    case = folder / f"case{seed}"
    case.mkdir()
    (case / "net.onnx").write_bytes(mutate(seed))
    rng = np.random.default_rng(0)
    np.save(case / "calib.npy", rng.uniform(-1, 1, (2, 2, 6, 6)).astype(np.float32))
    out, err = io.StringIO(), io.StringIO()
    # Most cases end in the loader; one in five of the rest goes through the whole compiler.
    command = "compile" if seed % 5 == 0 else "quantize"
    files = [str(case / "net.onnx"), "-o", str(case / "out"), "--calibration", str(case / "calib.npy")]
    chosen = [text for key, value in options(seed).items() for text in (f"--{key}", value)]
    arguments = [command, *files, "--name", "net", *chosen]
    start = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    result = {"seed": seed, "code": code, "stderr": err.getvalue()[:2000], "seconds": time.monotonic() - start}
    result["outside"] = sorted(p.name for p in case.iterdir() if p.name not in ("net.onnx", "calib.npy", "out"))
    result["left"] = bool(code) and (case / "out").exists() and any((case / "out").iterdir())
    if code == 0 and seed % TO_C == 0:
        result["difference"] = run_c(case, seed)
    return result


def run_c(case: Path, seed: int) -> str:
    """Empty where the generated C gives the reference's bytes."""
    chosen = {key: (value,) if key == "int16" else value for key, value in options(seed).items()}
    files = {"model": str(case / "net.onnx"), "calibration": str(case / "calib.npy"), "output": str(case / "out")}
    compilation = pipeline.compile_model(pipeline.Options(name="net", **files, **chosen))
    program = host.build(compilation.plan, compilation.files, "net", case / "program")
    rng = np.random.default_rng(1)
    inputs = {}
    for port in compilation.plan.inputs:
        tensor = compilation.plan.tensor(port.tensor)
        values = (
            rng.integers(-128, 128, (3, *tensor.shape)) if tensor.dtype == "int8" else rng.random((3, *tensor.shape))
        )
        inputs[port.name] = values.astype(tensor.dtype)
    return str(compare.first_difference(compilation.plan, inputs, program.run(inputs)) or "")


def too_slow(*_: object) -> None:
    raise TimeoutError(f"the case took more than {SECONDS} s")


if __name__ == "__main__":
    root, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGALRM, too_slow)
    for number in range(first, first + count):
        print(json.dumps({"start": number}), flush=True)
        signal.alarm(SECONDS)
        print(json.dumps(run(root, number)), flush=True)
        signal.alarm(0)
