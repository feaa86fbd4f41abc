# SPDX-License-Identifier: CC0-1.0
"""docs/upstream.md names a test for every entry, and scripts: all of them are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "upstream.md").read_text()


def test_every_entry_names_a_test_that_exists() -> None:
    entries = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    assert len(entries) > 20
    for entry in entries:
        last = entry.rsplit("|", 2)[1]
        file, name = re.fullmatch(r" `([\w/]+\.py)::(\w+)` ", last).groups()
        text = (ROOT / "python" / "tests" / file).read_text()
        assert re.search(rf'^def {name}\(|^    "{name}": ', text, re.MULTILINE), f"{file} has no {name}"


def test_every_script_exists() -> None:
    for name in re.findall(r"`findings/(\w+\.sh)`", TEXT):
        assert (ROOT / "findings" / name).stat().st_mode & 0o111, name
