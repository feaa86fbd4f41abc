# SPDX-License-Identifier: CC0-1.0
"""The C programs of README.md and docs/getting-started.md compile as they stand, whatever the menu says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import documents
import pytest

from espdl import pipeline

DIGITS = documents.REPOSITORY / "examples" / "digits" / "model"
PROGRAMS = {
    "readme": (documents.README, "int classify("),
    "getting_started": (documents.GETTING_STARTED, "void app_main("),
}
# Every type of inputs and outputs, and whatever else of the menu changes the header.
CHOICES = (
    {"io": "int8"},
    {"io": "uint8", "arena": "static"},
    {"io": "float32"},
    {"io": "float32", "precision": "float32"},
    {"io": "int8", "precision": "int16x8"},
)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(choice.values()))
def test_programs_compile_for_every_choice(tmp_path: Path, choice: dict[str, str]) -> None:
    options = pipeline.Options(
        model=str(DIGITS / "digits.onnx"),
        calibration=str(DIGITS / "calib.npy"),
        name="net",
        output=str(tmp_path / "net"),
        effort="fast",
        **choice,
    )
    pipeline.compile_model(options).files.write(tmp_path / "net")
    (tmp_path / "sdkconfig.h").write_text("#define CONFIG_IDF_TARGET_LINUX 1\n")
    sources = []
    for name, (document, text) in PROGRAMS.items():
        sources.append(tmp_path / f"{name}.c")
        sources[-1].write_text(documents.block(document, "c", text))
    strict = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only")
    include = [f"-I{path}" for path in (tmp_path, tmp_path / "net", documents.REPOSITORY / "include")]
    done = subprocess.run(["cc", *strict, *include, *sources], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
