# SPDX-License-Identifier: CC0-1.0
"""The code that the documents show, so that tests can do what a reader does."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
README = REPOSITORY / "README.md"
GETTING_STARTED = REPOSITORY / "docs" / "getting-started.md"


def block(document: Path, language: str, text: str) -> str:
    """The only block of code of `language` in `document` that holds `text`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = (code for code in blocks if text in code)
    return found
