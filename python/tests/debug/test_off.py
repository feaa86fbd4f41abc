# SPDX-License-Identifier: CC0-1.0
"""Profile and taps switched off: an application that uses them has the object code of one that does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import hand_made
import pytest

from espdl.verify import host, rv32

APPLICATION = """
#include "net.h"
#ifdef USE
#include "espdl_profile.h"
#include "espdl_taps.h"
static espdl_profile_layer_t s_layers[NET_LAYER_COUNT];
static espdl_profile_t s_profile;
static espdl_taps_t s_taps;
static const uint16_t s_dump[] = {1, 2};
#endif

espdl_status_t application(net_t *net, const espdl_config_t *config)
{
    espdl_status_t status = net_init(net, config);
    if (status != ESPDL_OK) {
        return status;
    }
#ifdef USE
    status = espdl_profile_attach(&s_profile, s_layers, NET_LAYER_COUNT, &net->base);
    if (status != ESPDL_OK) {
        return status;
    }
    status = espdl_taps_attach(
        &s_taps, &net->base, &(espdl_taps_config_t){.dump = s_dump, .dump_count = 2, .dump_inputs = true});
    if (status != ESPDL_OK) {
        return status;
    }
#endif
    status = net_run(net);
#ifdef USE
    espdl_profile_print(&s_profile);
#endif
    return status;
}
"""

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
ON = ("-DCONFIG_ESPDL_PROFILE=1", "-DCONFIG_ESPDL_TAPS=1")
COMPILERS = {"host": ["gcc"], "rv32": [rv32.GCC, *rv32.FLAGS]}


@pytest.fixture(params=COMPILERS)
def compiler(request: pytest.FixtureRequest) -> list[str]:
    command = COMPILERS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed; {rv32.available()}")
    return command


def compiled(compiler: list[str], folder: Path, source: Path, *flags: str) -> bytes:
    """The object file of a source, which does not hold the names of files or macros."""
    target = folder / "object.o"
    include = [f"-I{folder}", f"-I{host.COMPONENT / 'include'}"]
    subprocess.run(
        [*compiler, "-std=c11", *WARNINGS, *include, *flags, "-c", str(source), "-o", str(target)], check=True
    )
    return target.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hand_made.render(hand_made.residual_network(), layers=False).write(tmp_path)
    (tmp_path / "application.c").write_text(APPLICATION)
    return tmp_path


@pytest.mark.parametrize("level", ["-Og", "-Os", "-O2"])
def test_an_application_that_uses_them(compiler: list[str], folder: Path, level: str) -> None:
    application = folder / "application.c"
    without = compiled(compiler, folder, application, level)
    assert compiled(compiler, folder, application, level, "-DUSE") == without
    assert compiled(compiler, folder, application, level, "-DUSE", *ON) != without


def test_the_runtime(compiler: list[str], folder: Path) -> None:
    sources = host.COMPONENT / "src"
    runtime = compiled(compiler, folder, sources / "runtime.c", "-O2")
    assert compiled(compiler, folder, sources / "runtime.c", "-O2", *ON) == runtime
    (folder / "empty.c").write_text("typedef int nothing;\n")
    empty = compiled(compiler, folder, folder / "empty.c", "-O2")
    for name in ("profile.c", "taps.c"):
        assert sections(compiled(compiler, folder, sources / name, "-O2"), folder) == sections(empty, folder)
        assert sections(compiled(compiler, folder, sources / name, "-O2", *ON), folder) > 500


def sections(content: bytes, folder: Path) -> int:
    """Bytes of code and data of an object file."""
    (folder / "sized.o").write_bytes(content)
    text = subprocess.run(["size", folder / "sized.o"], capture_output=True, text=True, check=True).stdout
    return sum(map(int, text.splitlines()[1].split()[:3]))


def test_generated_code_is_without_names(folder: Path) -> None:
    """What remains for the hook costs nothing: no table, no names, and the hook still works (tests/runtime)."""
    with_names = hand_made.render(hand_made.residual_network(), layers=True)["net.c"]
    without = (folder / "net.c").read_bytes()
    assert b"espdl_layer_t" in with_names and b"espdl_layer_t" not in without
    assert b".layers = NULL" in without
