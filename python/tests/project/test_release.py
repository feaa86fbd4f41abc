# SPDX-License-Identifier: CC0-1.0
"""The step before publishing: placeholders are filled, and what must agree does."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from espdl import __version__

ROOT = Path(__file__).resolve().parents[3]
SPEC = importlib.util.spec_from_file_location("release", ROOT / "python" / "release.py")
release = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(release)
WHO = ["someone", "Some One <someone@example.org>"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "python" / "espdl").mkdir(parents=True)
    for name in ("idf_component.yml", "python/espdl/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {__version__} (2026-12-01)\n")
    return tmp_path


def test_nothing_but_placeholders_changes(clone: Path) -> None:
    before = (clone / "idf_component.yml").read_text()
    assert release.main(WHO, clone) == 0
    after = (clone / "idf_component.yml").read_text()
    assert not any(word in after for word in release.PLACEHOLDERS)
    assert "  - Some One <someone@example.org>\n" in after and after.count("someone/espdl_onnx") == 4
    assert len(before.splitlines()) == len(after.splitlines()) + 1


@pytest.mark.parametrize("who", [["a b", WHO[1]], [WHO[0], "nobody"], ["", ""]])
def test_who_is_nobody(clone: Path, who: list[str], capsys: pytest.CaptureFixture) -> None:
    assert release.main(who, clone) == 1
    assert "release: " in capsys.readouterr().err
    assert "OWNER" in (clone / "idf_component.yml").read_text()


def test_versions_that_disagree(clone: Path, capsys: pytest.CaptureFixture) -> None:
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## 9.9.9 (unreleased)\n")
    assert release.main(WHO, clone) == 1
    assert "CHANGELOG.md begins with version 9.9.9" in capsys.readouterr().err
    (clone / "CHANGELOG.md").write_text(f"# Changelog\n\n## {__version__} (unreleased)\n")
    assert release.main(WHO, clone) == 1
    assert "unreleased" in capsys.readouterr().err


def test_this_manifest_has_what_a_registry_asks_for() -> None:
    text = (ROOT / "idf_component.yml").read_text()
    for field in ("version", "description", "license", "url", "repository", "documentation", "issues", "maintainers"):
        assert f"\n{field}:" in "\n" + text
