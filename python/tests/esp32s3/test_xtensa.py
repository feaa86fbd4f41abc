# SPDX-License-Identifier: CC0-1.0
"""Where there is an Xtensa compiler, and a chip or its emulator: kernels and networks for real.

ESPDL_XTENSA_CC   an Xtensa GCC for the ESP32-S3, with the options that it needs to make programs for ESPDL_XTENSA_RUN
ESPDL_XTENSA_RUN  a command that runs the program whose path follows, and prints what that prints
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from compiled import inputs, network
from vector_harness import INCLUDES, PORT, ROOT, sources

from espdl.verify import reference

CC, RUN = os.environ.get("ESPDL_XTENSA_CC"), os.environ.get("ESPDL_XTENSA_RUN")
needs_compiler = pytest.mark.skipif(not CC, reason="set ESPDL_XTENSA_CC to an Xtensa GCC for the ESP32-S3")
needs_machine = pytest.mark.skipif(
    not (CC and RUN), reason="set ESPDL_XTENSA_CC and ESPDL_XTENSA_RUN (a command that runs a program on the chip)"
)
OPTIONS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", *INCLUDES]
NETWORKS = ["ic_resnet8", "kws_dscnn", "vww_mobilenet", "ad_autoencoder"]


def compile_with(options: list[str], *files: Path, cwd: Path) -> None:
    done = subprocess.run(
        [*shlex.split(CC or ""), *OPTIONS, *options, *map(str, files)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@needs_compiler
@pytest.mark.parametrize("level", ["-O1", "-O2", "-O3", "-Os"])
def test_kernels_compile(level: str, tmp_path: Path) -> None:
    compile_with([level, "-c"], *sources(), cwd=tmp_path)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_compile(name: str, tmp_path: Path) -> None:
    network(name).files.write(tmp_path)
    compile_with(["-O2", "-c"], tmp_path / "net.c", tmp_path / "net_weights.S", cwd=tmp_path)


def program(name: str) -> tuple[str, bytes]:
    """A program that runs a network on one sample and prints its outputs, and the bytes to expect."""
    compilation = network(name)
    sample = {key: value[0] for key, value in inputs(compilation).items()}
    values = reference.run(compilation.plan, sample)
    ports = compilation.plan.outputs
    expected = b"".join(np.ascontiguousarray(values[port.tensor]).tobytes() for port in ports)
    arrays, copies = [], []
    for i, port in enumerate(compilation.plan.inputs):
        data = sample[port.name].tobytes()
        arrays.append(f"static const unsigned char input_{i}[] = {{{', '.join(map(str, data))}}};")
        copies.append(f"memcpy(espdl_input(&net, {i}), input_{i}, sizeof input_{i});")
    sizes = ", ".join(str(compilation.plan.tensor(port.tensor).nbytes) for port in ports)
    text = f"""
#include <stdio.h>
#include <string.h>
#include "net.h"
{"".join(arrays)}
static net_arena_t arena;
int main(void)
{{
    static const int sizes[] = {{{sizes}}};
    const espdl_config_t config = {{.arena = &arena, .arena_size = sizeof arena}};
    espdl_t net;
    if (espdl_init(&net, &net_model, &config) != ESPDL_OK) {{
        return 1;
    }}
    {" ".join(copies)}
    if (espdl_run(&net) != ESPDL_OK) {{
        return 1;
    }}
    printf("ESPDL ");
    for (int i = 0; i < {len(ports)}; i++) {{
        const unsigned char *y = espdl_output(&net, (size_t)i);
        for (int k = 0; k < sizes[i]; k++) {{
            printf("%02x", y[k]);
        }}
    }}
    printf("\\n");
    return 0;
}}
"""
    return text, expected


@needs_machine
@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_run(name: str, tmp_path: Path) -> None:
    text, expected = program(name)
    network(name).files.write(tmp_path)
    (tmp_path / "main.c").write_text(text)
    folders = [ROOT / "src", ROOT / "src" / "kernels", PORT / "src"]
    files = [path for folder in folders for path in sorted(folder.glob("*.c"))]
    files += [tmp_path / part for part in ("main.c", "net.c", "net_weights.S")]
    compile_with(["-O2", "-I.", "-o", "program.elf"], *files, Path("-lm"), cwd=tmp_path)
    done = subprocess.run(
        [*shlex.split(RUN or ""), str(tmp_path / "program.elf")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ESPDL ")]
    assert lines, f"the program did not finish:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert bytes.fromhex(lines[-1].split()[1]) == expected
