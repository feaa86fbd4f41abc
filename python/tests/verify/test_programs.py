# SPDX-License-Identifier: CC0-1.0
"""Several models and instances in one program; typed header; no allocation, no writable state."""

from __future__ import annotations

import subprocess
from pathlib import Path

import hand_made
import numpy as np
import pytest

from espdl.verify import host, reference

HERE = Path(__file__).parent
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")


def compile_(folder: Path, *arguments: str) -> Path:
    program = folder / "program"
    include = [f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    command = ["gcc", "-std=c11", *WARNINGS, *include, *arguments, "-lm", "-o", str(program)]
    subprocess.run(command, check=True, cwd=folder)
    return program


def test_two_models_and_two_instances(build_root: Path) -> None:
    plans = {"first": hand_made.residual_network(1, 8), "second": hand_made.residual_network(2, 4)}
    folder = build_root / "two_models"
    for name, plan in plans.items():
        hand_made.render(plan, name).write(folder)
    sources = [f"{name}{end}" for name in plans for end in (".c", "_weights.S")]
    flags = host.SANITIZERS
    library = str(host.library(build_root, flags=flags))
    program = compile_(folder, *flags, str(HERE / "programs.c"), *sources, library)
    images = [hand_made.samples(plans["first"], 3, seed)["image"][2] for seed in (1, 2, 3)]
    done = subprocess.run([str(program)], input=b"".join(i.tobytes() for i in images), capture_output=True, check=True)
    models = ("first", "first", "second")
    expected = [reference.run(plans[m], {"image": i})["scores"] for m, i in zip(models, images)]
    assert np.array_equal(np.frombuffer(done.stdout, np.int8), np.concatenate([e.ravel() for e in expected]))
    assert not np.array_equal(expected[0], expected[1])


def test_two_threads(build_root: Path) -> None:
    folder = build_root / "threads"
    hand_made.render(hand_made.residual_network()).write(folder)
    flags = ["-O1", "-g", "-fsanitize=thread", "-pthread"]
    library = str(host.library(build_root, flags=flags))
    program = compile_(folder, *flags, str(HERE / "threads.c"), "net.c", "net_weights.S", library)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all runs agree\n", "")


@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_header_is_cpp(build_root: Path, standard: str) -> None:
    folder = build_root / "cpp"
    for name in ("first", "second"):
        hand_made.render(hand_made.residual_network(), name, arena="static").write(folder)
    code = """
    #include "first.h"
    #include "second.h"
    static first_arena_t arena;
    static_assert(alignof(first_arena_t) == ESPDL_ALIGNMENT && sizeof(arena) == FIRST_ARENA_SIZE, "arena");
    const int32_t shape[] = FIRST_INPUT_IMAGE_SHAPE;
    float score(const first_t &net) { return first_dequantize_scores(first_output_scores(&net)[0]); }
    espdl_status_t start(second_t &net) {
        espdl_config_t config = {};
        espdl_status_t status = second_init(&net, &config);
        second_input_image(&net)[0] = second_quantize_image(0.5f);
        return status == ESPDL_OK ? second_run(&net) : status;
    }
    """
    command = ["g++", f"-std={standard}", *WARNINGS, f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    subprocess.run([*command, "-x", "c++", "-fsyntax-only", "-"], input=code, text=True, check=True)


@pytest.mark.parametrize("layers", [False, True])
def test_no_allocation_and_no_writable_state(build_root: Path, layers: bool) -> None:
    """Generated code, weights and runtime define only constants, and need only memory functions of the C library."""
    folder = build_root / f"symbols{int(layers)}"
    hand_made.render(hand_made.residual_network(), layers=layers).write(folder)
    sources = [str(host.COMPONENT / "src" / "runtime.c"), "net.c", "net_weights.S"]
    include = [f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    # Without PIC, or constants with addresses in them would count as writable until they are relocated.
    flags = ["-std=c11", "-O2", "-fno-pic", *WARNINGS, *include]
    subprocess.run(["gcc", *flags, "-c", *sources], check=True, cwd=folder)
    nm = ["nm", *(str(path) for path in folder.glob("*.o"))]
    lines = subprocess.run(nm, capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = [line.split()[-2:] for line in lines if len(line.split()) >= 2]
    assert not [name for kind, name in symbols if kind in "bBdDcCsS"]
    needed = {name for kind, name in symbols if kind == "U"} - {name for kind, name in symbols if kind != "U"}
    assert {name for name in needed if not name.startswith("espdl_")} <= {"memcpy", "memset", "memcmp"}
