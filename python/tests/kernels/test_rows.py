# SPDX-License-Identifier: CC0-1.0
"""What is known of kernels on some of their rows. That they compute those, every random test checks (harness)."""

from __future__ import annotations

import numpy as np
import row_facts
import row_windows
from harness import functions, random_tests
from row_fields import Spread, Window
from strategies import TARGETS
from test_conv2d import convolution

from espdl.backends import lower


def test_every_kernel_is_in_one_of_both_tables() -> None:
    """Tests of kernels may add to them, by `runs`."""
    assert random_tests()
    of_chips = ("espdl_mac16_", "espdl_s3_")
    rows, whole = ({n for n in table if not n.startswith(of_chips)} for table in (row_facts.MAKERS, row_facts.WHOLE))
    assert not rows & whole
    assert rows | whole == set(functions())


def test_rows_of_a_window() -> None:
    """A kernel of 3 rows, stride 2, border 1 over 8 rows: row r needs 2r - 1 .. 2r + 1."""
    window = Window(8, kernel=3, stride=2, pad=1)
    assert [window.needed(r, r + 1) for r in range(5)] == [(0, 2), (1, 4), (3, 6), (5, 8), (7, 8)]
    assert window.needed(0, 5) == (0, 8)


def test_rows_of_a_transposed_window() -> None:
    """Row i of the input reaches the rows 2i - 1 .. 2i + 1: 3 taps, stride 2, 1 left out in front."""
    spread = Spread(4, kernel=3, stride=2, dilation=1, pad=1)
    reached = [{i for i in range(4) if 2 * i - 1 <= r <= 2 * i + 1} for r in range(8)]
    for first in range(8):
        for end in range(first + 1, 9):
            begin, behind = spread.needed(first, end)
            assert set(range(begin, behind)) == set.union(*reached[first:end])


def test_windows_cover_the_output() -> None:
    conv = convolution((9, 5, 3), (9, 5, 8), np.ones((8, 3, 3, 3), np.int8), pads=(1, 1, 1, 1))
    x, y = np.zeros((9, 5, 3), np.int8), np.arange(9 * 5 * 8).astype(np.int8).reshape(9, 5, 8)
    windows = row_windows.random_split(lower(conv, TARGETS[0]), [x], [y])
    assert len(windows) > 1 and [w.first for w in windows] == [0, *(w.end for w in windows[:-1])]
    np.testing.assert_array_equal(np.concatenate([w.output for w in windows]).reshape(y.shape), y)
    assert all(len(w.inputs[0]) == min(w.end + 1, 9) - max(w.first - 1, 0) for w in windows)
