# SPDX-License-Identifier: Apache-2.0
"""Broken models: every case succeeds (and its C agrees with the reference), or ends with one message and exit code 1.

150 cases here, more with ESPDL_FUZZ_CASES (`make fuzz`: 10,000). A case runs again with
`python worker.py <empty folder> <number> 1`.
"""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from mutations import corpus, mutate, options

HERE = Path(__file__).resolve().parent
LAUNCHER = HERE.parents[1] / "espdl_cli.py"
CASES = int(os.environ.get("ESPDL_FUZZ_CASES", "150"))
MEMORY = 4 << 30

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the worker limits time and memory by POSIX calls")


# What the libraries below us write for their own developers, and what CMake's users read.
NOISE = ("object at 0x", "[ONNXRuntimeError]", "/onnxruntime_src", " was false.", "MODEL", "CALIBRATION", "PRECISION")


def limit_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def outcomes(folder: Path, first: int, count: int):
    """The result of every case; None for one that crashed the worker, which then goes on behind it."""
    number = first
    while number < first + count:
        command = [sys.executable, str(HERE / "worker.py"), str(folder), str(number), str(first + count - number)]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit_memory, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        yield from ((line["seed"], line) for line in lines if "code" in line)
        if done.returncode == 0:
            return
        assert lines, done.stderr
        number = lines[-1]["start"]
        yield number, None
        number += 1


def complaint(number: int, result: dict | None, folder: Path) -> str | None:
    """What is wrong with a case; None if nothing is."""
    if result is None:
        return crash_is_a_message(number, folder)
    if result["outside"] or result["left"]:
        return f"files where none should be: {result}"
    if result.get("difference"):
        return result["difference"]
    if result["code"] == 0:
        return None
    text = result["stderr"]
    told = (
        result["code"] == 1 and text.startswith("espdl: ") and text.count("Remedy: ") == 1 and "Traceback" not in text
    )
    noise = [words for words in NOISE if words in text]
    return None if told and not noise and names_a_node_of_the_file(text, number) else text


def names_a_node_of_the_file(text: str, number: int) -> bool:
    """Rewrites and optimisers give names of their own, which the user does not know."""
    found = re.search(r"node '([^']+)'", text.splitlines()[0])
    try:
        proto = onnx.ModelProto.FromString(mutate(number))
        known = {name for node in proto.graph.node for name in (node.name, *node.output)}
    except Exception:  # of a file that protobuf cannot read, no message names a node
        return found is None
    return found is None or found[1] in known or not found[1].isascii()


def crash_is_a_message(number: int, folder: Path) -> str | None:
    """The command line runs the compiler in a child for this: the same case must end with a message there."""
    case = folder / f"crash{number}"
    case.mkdir()
    (case / "net.onnx").write_bytes(mutate(number))
    np.save(case / "calib.npy", np.zeros((2, 2, 6, 6), np.float32))
    command = [sys.executable, "-I", str(LAUNCHER), "compile", str(case / "net.onnx"), "-o", str(case / "out")]
    command += ["--calibration", str(case / "calib.npy")]
    command += [text for key, value in options(number).items() for text in (f"--{key}", value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return None if done.returncode == 1 and done.stderr.count("Remedy: ") == 1 else f"crash: {done.stderr[-500:]}"


@pytest.mark.slow
def test_every_case_succeeds_or_ends_with_one_message(tmp_path: Path) -> None:
    complaints = {}
    kinds = collections.Counter()
    for number, result in outcomes(tmp_path, 0, CASES):
        kinds["crashed" if result is None else ("compiled", "refused")[result["code"] != 0]] += 1
        found = complaint(number, result, tmp_path)
        if found:
            complaints[number] = found
    assert not complaints, json.dumps(complaints, indent=1)[:5000]
    assert sum(kinds.values()) == CASES
    # Both ends are reached, or the mutations test nothing.
    assert kinds["compiled"] > CASES // 50 and kinds["refused"] > CASES // 4, kinds


def test_the_corpus_is_valid() -> None:
    for model in corpus():
        onnx.checker.check_model(model, full_check=True)
