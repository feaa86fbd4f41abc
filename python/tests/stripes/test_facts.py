# SPDX-License-Identifier: CC0-1.0
"""What the planner knows of a kernel's rows is what the kernels' own tests run."""

from __future__ import annotations

import row_facts

from espdl.backends.rows import FACTS


def test_the_planner_knows_no_kernel_that_is_not_tested_row_by_row() -> None:
    assert set(FACTS) <= set(row_facts.MAKERS)
