# SPDX-License-Identifier: CC0-1.0
"""The parts of test_apps/firmware.py that need no chip: what it asks for, and how sizes are compared."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from espdl.chips import all_chips

ROOT = Path(__file__).resolve().parents[3]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


firmware = load("test_apps/firmware.py")
sizes = load("test_apps/networks/sizes.py")


def test_it_says_all_that_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("IDF_PATH", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(firmware, "PACKAGES", ("no_such_package",))
    assert firmware.main(["esp32c3"]) == 1
    text = capsys.readouterr().err
    for part in ("IDF_PATH is not set", "riscv32-esp-elf-gcc is not on the PATH", "pip install no-such-package"):
        assert f"cannot build for esp32c3: {part}" in text.replace("Python packages are missing: ", "")


def test_the_workflow_builds_for_every_chip(capsys: pytest.CaptureFixture) -> None:
    """For what `--chips` prints, and for none that it names itself."""
    assert firmware.main(["--chips"]) == 0
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    released, preview = json.loads(printed["released"]), json.loads(printed["preview"])
    assert released[0] == "linux" and all(entry["idf"] == "latest" for entry in preview)
    chips = {name: chip.preview for name, chip in all_chips().items() if name != "generic"}
    assert dict.fromkeys(released[1:], False) | {entry["target"]: True for entry in preview} == chips
    workflow = (ROOT / ".github" / "workflows" / "firmware.yml").read_text()
    assert "firmware.py --chips" in workflow and not re.search(r"esp32\w", workflow)
    assert set(re.findall(r"fromJSON\(needs\.chips\.outputs\.(\w+)\)", workflow)) == printed.keys()


@pytest.mark.parametrize(
    ("target", "compiler"), [("linux", "gcc"), ("esp32s2", "xtensa-esp-elf-gcc"), ("esp32h21", "riscv32-esp-elf-gcc")]
)
def test_compilers(target: str, compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert f"{compiler} is not on the PATH" in " ".join(firmware.lacking(target))


def test_shared_kernels_count_once() -> None:
    table = {"sections": [100, 10, 20, 40], "run": [0], "kernels": {"a": [1, 3], "b": [2, 3]}}
    reports = [
        {"layers": [{"kernel": "a"}], "code_bytes": 155, "weights_bytes": 1000, "arena_bytes": 64},
        {"layers": [{"kernel": "a"}, {"kernel": "b"}], "code_bytes": 177, "weights_bytes": 500, "arena_bytes": 96},
    ]
    found = sizes.predicted(reports, table)
    assert (found.code, found.weights, found.arena) == (170 + 5 + 7, 1500, 96)


def test_what_esp_idf_counts() -> None:
    def entry(**sections: int) -> dict:
        parts = {name: {"size": size} for name, size in sections.items()}
        return {"size": sum(sections.values()), "memory_types": {"any": {"sections": parts}}}

    files = {
        "esp-idf/espdl_onnx/libespdl_onnx.a:add_s8.c.obj": entry(text=280, rodata=20),
        "esp-idf/main/libmain.a:kws_dscnn.c.obj": entry(text=400),
        "esp-idf/main/libmain.a:kws_dscnn_weights.S.obj": entry(rodata=5000),
        "esp-idf/main/libmain.a:kws_dscnn_test.c.obj": entry(rodata=77),
        "esp-idf/main/libmain.a:test_main.c.obj": entry(text=50, bss=4096),
        "esp-idf/freertos/libfreertos.a:tasks.c.obj": entry(text=9999),
    }
    found = sizes.counted(files)
    assert (found.code, found.weights, found.arena, found.flash) == (700, 5000, 4096, 5700)
