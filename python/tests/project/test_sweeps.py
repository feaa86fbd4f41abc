# SPDX-License-Identifier: CC0-1.0
"""What `make test` leaves out is there: a test that was renamed would come back unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sweeps

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", sweeps.LEFT_TO_TEST_ALL)
def test_is_there(name: str) -> None:
    file, test = name.split("::")
    text = (TESTS / file).read_text()
    assert re.search(rf"^def {re.escape(test.partition('[')[0])}\(", text, re.M)
