# SPDX-License-Identifier: Apache-2.0
"""The figures in the README: ours in the default scheme beside the best that others reach, between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from measure import Measured

BEGIN, END = "<!-- measured: written by `make bench` -->\n", "<!-- end of measured -->\n"
_OTHERS = "TFLite Micro + ESP-NN (C)"


def update(readme: Path, measured: Mapping[str, Mapping[str, Measured]], peers: Mapping[str, Mapping]) -> None:
    """Writes the block anew; ValueError where the marks are missing."""
    text = readme.read_text(encoding="utf-8")
    head, mark, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{readme.name} lacks the marks around its measured figures")
    readme.write_text(head + BEGIN + block(measured, peers) + END + tail, encoding="utf-8")


def block(measured: Mapping[str, Mapping[str, Measured]], peers: Mapping[str, Mapping]) -> str:
    """The four networks of MLPerf Tiny on rv32imc (QEMU), scheme affine, in brackets the same of the peer."""
    peer = peers["tflm_esp_nn_generic"]
    lines = [
        f"MLPerf Tiny on rv32imc (emulated, exact counts), scheme affine; in brackets {_OTHERS}:\n",
        "| | million instructions | RAM, bytes | code, bytes | SQNR, dB |",
        "|---|---:|---:|---:|---:|",
    ]
    for network, schemes in measured.items():
        m = schemes["affine"]
        others = {key: peer[key].get(network) for key in ("instructions", "arena", "code", "sqnr_db")}
        lines.append(
            f"| {network} | {m.rv32_instructions / 1e6:.2f} ({others['instructions']:.2f}) "
            f"| {m.arena_bytes:,} ({others['arena']:,}) | {m.code_bytes:,} ({others['code']:,}) "
            f"| {m.sqnr_db:.1f} ({others['sqnr_db']:.1f}) |"
        )
    return "\n".join(lines) + "\n\nAll figures, layer by layer: [docs/benchmarks.md](docs/benchmarks.md).\n"
