# SPDX-License-Identifier: CC0-1.0
"""What firmware.py keeps of a board, as docs/benchmarks.md shows it."""

from __future__ import annotations

import table


def test_a_board_has_a_section_with_its_name_and_every_layer() -> None:
    layers = [{"kernel": "espdl_conv2d_3x8_s8", "cost": 12345}, {"kernel": "espdl_softmax_s8", "cost": 678}]
    found = {"kws_dscnn": {"unit": "cycles", "total": 13023, "layers": layers}}
    text = "\n".join(table.on_boards({"esp32c3": {"board": "C3 DevKitM-1", "networks": found}}))
    assert "### C3 DevKitM-1, esp32c3" in text
    assert (
        "| kws_dscnn | cycles |" in text and "| conv2d_3x8_s8 | 12,345 |" in text and "| **all** | **13,023** |" in text
    )
    assert table.on_boards({}) == []
