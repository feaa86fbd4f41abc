# SPDX-License-Identifier: CC0-1.0
"""Instructions of whole networks on a core of the same family: the scalar code counts too (benchmarks/xtensa)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import xtensa
from compiled import network
from pie_model import INSTRUCTIONS
from xtensa import code

# Million instructions at most, with random weights: no channel is dead, and sums need other parts than trained ones do.
NETWORKS = {"ic_resnet8": 1.11, "kws_dscnn": 0.35, "vww_mobilenet": 0.94, "ad_autoencoder": 0.0216}

# Kilobytes of the vector kernels that it links, at most.
CODE = {"ic_resnet8": 10, "kws_dscnn": 10, "vww_mobilenet": 13, "ad_autoencoder": 3}

# Whose estimated shares are compared with the counted ones, of layers that take so much of the run at least.
MUCH = 0.005
ESTIMATED = [(name, "power_of_two") for name in ("ic_resnet8", "yolo_head", "kws_dscnn", "unet", "transformer_encoder")]
ESTIMATED += [(name, "affine") for name in ("kws_dscnn", "unet", "mobilenet_v3", "temporal_network")]

needs_tools = pytest.mark.skipif(xtensa.available() is not None, reason=str(xtensa.available()))


@pytest.mark.parametrize("mnemonic", [m for m in INSTRUCTIONS if m.startswith("ee.")])
def test_a_stand_in_is_one_instruction_that_moves_the_same_register(mnemonic: str) -> None:
    kinds = INSTRUCTIONS[mnemonic]
    operands = {"q": "q3", "a": "a9", "a+": "a4", "=a": "a4"}
    text = ",".join(str(k[1] if len(k) > 1 else k[0]) if isinstance(k, range) else operands[k] for k in kinds)
    words = xtensa.stand_in(f"\t{mnemonic} {text}").replace(",", "").split()
    ranges = [k for k in kinds if isinstance(k, range)]
    if "a+" not in kinds:
        assert words == ["_nop"] if "=a" not in kinds else words[:2] == ["_movi", "a4"]
    elif "a" in kinds:
        assert words == ["_add", "a4", "a4", "a9"]
    else:
        assert words == ["_addi", "a4", "a4", "16" if mnemonic.endswith("incp") else str(ranges[0][1])]


def test_other_lines_stay() -> None:
    assert xtensa.stand_in("\tadd.n\ta2, a3, a4") == "\tadd.n\ta2, a3, a4"
    assert xtensa.stand_in("loopgtz a9,1f") == "990: .byte 0x76, 169, 1f - 990b - 4"


@needs_tools
def test_a_divisor_that_no_vector_computed_ends_no_program(tmp_path: Path) -> None:
    """Softmax divides by a sum of what vectors look up."""
    main, image = tmp_path / "main.c", tmp_path / "main.elf"
    main.write_text("unsigned divide(unsigned a, unsigned b) { return a / b; }\n"
                    "int main(void) { return divide(8, 2) != 4 || divide(7, 0) != 7; }\n")  # fmt: skip
    xtensa.link([main, xtensa.HERE / "library.c"], image, ["-fno-inline"])
    subprocess.run(xtensa.command(image), check=True, timeout=60)


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_network_takes_few_instructions(name: str, tmp_path: Path) -> None:
    compilation = network(name)
    compilation.files.write(tmp_path / "net")
    counted = xtensa.count(compilation.plan, tmp_path / "net", tmp_path / "build")
    assert sum(counted.layers) <= counted.total <= 1e6 * NETWORKS[name]
    assert sum(counted.code.values()) <= 1024 * CODE[name]


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize("name, scheme", ESTIMATED)
def test_the_report_estimates_shares_within_a_quarter(name: str, scheme: str, tmp_path: Path) -> None:
    compilation = network(name, scheme=scheme)
    compilation.files.write(tmp_path / "net")
    counted = xtensa.count(compilation.plan, tmp_path / "net", tmp_path / "build").layers
    shares = [count / sum(counted) for count in counted]
    assert sum(share >= MUCH for share in shares) >= 9
    for layer, share in zip(compilation.report["layers"], shares, strict=True):
        assert share < MUCH or 0.75 * share <= layer["share"] <= 1.25 * share, (layer["kernel"], layer["share"], share)


ASSEMBLER = """\
\t.section\t.text.espdl_s3_first,"ax",@progbits
\tee.vld.128.ip q1,a2,16
\tee.vsmulas.s8.qacc.ld.incp q1,a2,q1,q0,3
\tee.vmulas.s8.accx.ld.ip q1,a2,16,q0,q1
\tee.vsmulas.s8.qacc q3,q7,1
\t.section\t.text.espdl_s3_second,"ax",@progbits
\tee.vmulas.s16.qacc.ld.ip q1,a2,16,q0,q1
"""
LINKED = """\
Discarded input sections

 .text.espdl_s3_second
                0x00000000       0x30 /tmp/build/s3_some.o

Linker script and memory map

 .text.espdl_s3_first
                0x50000100       0x2a /tmp/build/s3_some.o
 .rodata.s_edge 0x50000130       0x10 /tmp/build/s3_some.o
 .text.espdl_add_s8
                0x50000140       0x50 /tmp/build/add_s8.o
"""


def test_code_is_what_the_program_has_with_four_bytes_for_products_that_load() -> None:
    assert code.long_instructions(ASSEMBLER) == {".text.espdl_s3_first": 2, ".text.espdl_s3_second": 1}
    assert code.sizes(LINKED, {"s3_some": ASSEMBLER}) == {"s3_some": 0x2A + 2 + 0x10}
