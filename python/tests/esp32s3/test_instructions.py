# SPDX-License-Identifier: CC0-1.0
"""Instructions of whole networks on a core of the same family: the scalar code counts too (benchmarks/xtensa)."""

from __future__ import annotations

from pathlib import Path

import pytest
import xtensa
from compiled import network
from pie_model import INSTRUCTIONS

# Million instructions at most, with random weights: no channel is dead, and sums need other parts than trained ones do.
NETWORKS = {"ic_resnet8": 1.11, "kws_dscnn": 0.35, "vww_mobilenet": 0.94, "ad_autoencoder": 0.0216}

needs_tools = pytest.mark.skipif(xtensa.available() is not None, reason=str(xtensa.available()))


@pytest.mark.parametrize("mnemonic", [m for m in INSTRUCTIONS if m.startswith("ee.")])
def test_a_stand_in_is_one_instruction_that_moves_the_same_register(mnemonic: str) -> None:
    kinds = INSTRUCTIONS[mnemonic]
    operands = {"q": "q3", "a": "a9", "a+": "a4", "=a": "a4"}
    text = ",".join(str(k[1] if len(k) > 1 else k[0]) if isinstance(k, range) else operands[k] for k in kinds)
    words = xtensa.stand_in(f"\t{mnemonic} {text}").replace(",", "").split()
    ranges = [k for k in kinds if isinstance(k, range)]
    if "a+" not in kinds:
        assert words == ["nop"] if "=a" not in kinds else words[:2] == ["movi", "a4"]
    elif "a" in kinds:
        assert words == ["add", "a4", "a4", "a9"]
    else:
        assert words == ["addi", "a4", "a4", "16" if mnemonic.endswith("incp") else str(ranges[0][1])]


def test_other_lines_stay() -> None:
    assert xtensa.stand_in("\tadd.n\ta2, a3, a4") == "\tadd.n\ta2, a3, a4"
    assert xtensa.stand_in("loopgtz a9,1f") == "990: .byte 0x76, 169, 1f - 990b - 4"


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_network_takes_few_instructions(name: str, tmp_path: Path) -> None:
    compilation = network(name)
    compilation.files.write(tmp_path / "net")
    counted = xtensa.count(compilation.plan, tmp_path / "net", tmp_path / "build")
    assert sum(counted.layers) <= counted.total <= 1e6 * NETWORKS[name]
