# SPDX-License-Identifier: CC0-1.0
"""The settings through CMake: a program with taps and profile, and the example that yields and cancels."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espdl.cli import main

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "python" / "tests" / "cmake"))

from projects import PlainProject, copy_component  # noqa: E402 (the path above comes first)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("ninja")), reason="no CMake or no Ninja"),
]

MAIN = """
#include <string.h>
#include "espdl_profile.h"
#include "espdl_taps.h"
#include "net.h"

int main(void)
{
    static net_arena_t s_arena;
    static espdl_taps_t s_taps;
    static espdl_profile_layer_t s_layers[NET_LAYER_COUNT];
    static espdl_profile_t s_profile;
    net_t net;
    net_init(&net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof s_arena});
    espdl_profile_attach(&s_profile, s_layers, NET_LAYER_COUNT, &net.base);
    espdl_taps_attach(&s_taps, &net.base, &(espdl_taps_config_t){.dump_inputs = true});
    memset(net_input_x(&net), 5, NET_INPUT_X_SIZE);
    net_run(&net);
    espdl_profile_print(&s_profile);
    return 0;
}
"""


def test_settings(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    project = PlainProject(tmp_path / "project", copy_component(tmp_path / "clone"))
    (project.folder / "main" / "main.c").write_text(MAIN)
    assert project.configure("-DESPDL_PROFILE=ON", "-DESPDL_TAPS=ON"), project.output
    project.build()
    log = subprocess.run([project.program], capture_output=True, text=True, check=True).stdout
    assert "@espdl 0 run 0 net " in log and "espdl: profile of net" in log
    (tmp_path / "monitor.txt").write_text(log)
    generated = str(project.folder / "build" / "espdl" / "net")
    assert main(["debug", generated, "--log", str(tmp_path / "monitor.txt")]) == 0
    assert "equal to the reference" in capsys.readouterr().out
    assert main(["report", generated, "--profile", str(tmp_path / "monitor.txt")]) == 0
    assert "one run: " in capsys.readouterr().out


def test_example(tmp_path: Path) -> None:
    source = ROOT / "examples" / "long_inference"
    configure = ["cmake", "-G", "Ninja", "-S", source, "-B", tmp_path, f"-DESPDL_PYTHON={sys.executable}"]
    subprocess.run([*configure, "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", tmp_path], check=True, capture_output=True)
    done = subprocess.run([tmp_path / "long_inference"], capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("espdl: digits, identity ")
    assert [line.split(":")[0] for line in lines[1:]] == ["ESPDL_OK", "ESPDL_CANCELLED", "ESPDL_OK"]
    assert " 5 of 15 layers" in lines[2] and "15 of 15" in lines[3]
    assert all("gave way" in line for line in lines[1:])
