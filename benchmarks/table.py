# SPDX-License-Identifier: Apache-2.0
"""Measurements as text: lines for the terminal, and docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from measure import Layer, Measured

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`; the numbers are also in `benchmarks/results.json`.

The four MLPerf Tiny networks (trained, int8), and what other tools reach with the same models, calibration and
evaluation data.

- **Instructions**: rv32imc, gcc -O2, counted by QEMU (`-M virt -icount shift=0`): the difference of `minstret` around
  the second `net_run()`. On a chip, add what its flash cache and its multiplier cost.
- **Arena**: RAM for inputs, outputs, intermediate tensors and scratch. **Stack**: what `net_run()` uses below its
  caller.
- **Code**: .text, .rodata and .data of an image that holds the model and nothing else: generated code, the kernels it
  uses, the runtime, and what they take from the C library and libgcc. Without weights.
- **SQNR**: 10 log10(sum(ref^2) / sum((ref - out)^2)) against the float model, over all outputs of the evaluation set.
  **Agreement**: share of samples with the same argmax as the float model.
- **ESP32**: instructions of one of its cores with the kernels for MAC16, counted on QEMU's core de212 with code of
  GCC for lx106 ([esp32.md](esp32.md) says what the chip has besides); channels without an effect removed.

Before anything is counted, the outputs of every layer on rv32 are compared with the reference, bit for bit.
"""

_PEERS = {
    "tflm_esp_nn_generic": "TFLite Micro + ESP-NN (C)",
    "tflm_reference": "TFLite Micro, reference kernels",
    "onnx2c_int8": "onnx2c",
    "onnxruntime_qdq_per_channel": "ONNX Runtime, QDQ per channel",
    "onnxruntime_qoperator_per_channel": "ONNX Runtime, QOperator per channel",
}
_PEER_KEYS = ("instructions", "arena", "code", "weights", "sqnr_db", "agreement")


def line(network: str, scheme: str, m: Measured) -> str:
    """One network in one scheme, for the terminal."""
    agreement = "" if m.agreement is None else f", agreement {m.agreement:.3f}"
    return (
        f"{network:<15} {scheme:<13} {m.rv32_instructions / 1e6:8.2f} M instructions "
        f"({m.rv32_instructions / m.macs:.2f} per MAC), arena {m.arena_bytes:,} (lower bound {m.arena_lower_bound:,}), "
        f"code {m.code_bytes:,}, weights {m.weights_bytes:,}, stack {m.stack_bytes:,}, "
        f"SQNR {m.sqnr_db:.1f} dB{agreement}, compiled in {m.compile_seconds:.1f} s"
    )


def largest(m: Measured, count: int = 12) -> str:
    """The functions and objects that take most flash, for the terminal."""
    rows = [f"    {size:6,}  {name}" for size, name in m.symbols[:count]]
    others = m.code_bytes - sum(size for size, _ in m.symbols[:count])
    return "\n".join([*rows, f"    {others:6,}  all others"])


COMPILED_BEGIN, COMPILED_END = "<!-- written by benchmarks/compile_time.py -->", "<!-- end -->"


def page(
    measured: Mapping[str, Mapping[str, Measured]],
    peers: Mapping[str, Mapping],
    boards: Mapping[str, Mapping] = {},
    compile_times: Mapping[str, Mapping[str, float]] = {},
    esp32: Mapping[str, Mapping] = {},
) -> str:
    """docs/benchmarks.md. `boards`: what `test_apps/firmware.py --results` keeps, by chip; `compile_times` and `esp32`:
    what compile_time.py and esp32.py do."""
    parts = [_INTRODUCTION, "## Against other tools\n"]
    for network, schemes in measured.items():
        parts += [f"### {network}\n", _against_peers(network, schemes, peers, esp32)]
    parts += [
        "## Memory and time to compile\n",
        _memory(measured),
        compiled(compile_times),
        "\n## Layers\n",
        _layers_note(measured),
    ]
    for network, schemes in measured.items():
        parts += [f"### {network}, layer by layer\n", _layers(schemes)]
    return "\n".join([*parts, *on_boards(boards)])


def compiled(results: Mapping[str, Mapping[str, float]]) -> str:
    """What compile_time.py keeps, by chip, between its marks."""
    head = ("MobileNetV2 1.0, 224x224, `--memory auto`", "user seconds", "most memory, MB")
    rows = [(chip, f"{r['user_seconds']:.1f}", _number(r["resident_mb"])) for chip, r in sorted(results.items())]
    return f"{COMPILED_BEGIN}\n\n{_markdown(head, rows)}\n{COMPILED_END}"


def on_boards(boards: Mapping[str, Mapping]) -> list[str]:
    """A section for each board: what every network and every layer of it took."""
    parts = ["## On boards\n"] if boards else []
    for chip, results in sorted(boards.items()):
        parts.append(f"### {results['board'] or 'a board'}, {chip}\n")
        for network, found in sorted(results["networks"].items()):
            rows = [(layer["kernel"].removeprefix("espdl_"), f"{layer['cost']:,}") for layer in found["layers"]]
            rows.append(("**all**", f"**{found['total']:,}**"))
            parts.append(_markdown((network, found["unit"]), rows))
    return parts


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _number(value: float | None, form: str = ",") -> str:
    return "" if value is None else format(value, form)


def _against_peers(
    network: str, schemes: Mapping[str, Measured], peers: Mapping[str, Mapping], esp32: Mapping[str, Mapping]
) -> str:
    macs = next(iter(schemes.values())).macs
    rows = []
    for scheme, m in schemes.items():
        million = m.rv32_instructions / 1e6
        values = (million, m.arena_bytes, m.code_bytes, m.weights_bytes, m.sqnr_db, m.agreement)
        counted = esp32[network]["mac16"] / 1e6 if scheme == "affine" and network in esp32 else None
        rows.append([*_tool(f"**this project**, {scheme}", values, macs), _number(counted, ".2f")])
    for peer, name in _PEERS.items():
        values = [peers[peer].get(key, {}).get(network) for key in _PEER_KEYS]
        if any(value is not None for value in values):
            rows.append([*_tool(name, values, macs), ""])
    head = ("", "instructions", "per MAC", "arena", "code", "weights", "SQNR", "agreement", "ESP32, million")
    return _markdown(head, rows)


def _tool(name: str, values: Sequence[float | None], macs: int) -> list[str]:
    million, arena, code, weights, sqnr, agreement = values
    return [
        name,
        "" if million is None else f"{million:.2f} M",
        "" if million is None else f"{million * 1e6 / macs:.2f}",
        *(_number(value) for value in (arena, code, weights)),
        "" if sqnr is None else f"{sqnr:.1f} dB",
        "" if agreement is None else f"{agreement:.1%}",
    ]


def _memory(measured: Mapping[str, Mapping[str, Measured]]) -> str:
    """Seconds vary with the computer; those of quantisation grow with the calibration data."""
    head = ("", "MACs", "arena", "lower bound", "stack", "`espdl compile`", "quantisation")
    rows = [
        [
            f"{network}, {scheme}",
            *(_number(value) for value in (m.macs, m.arena_bytes, m.arena_lower_bound, m.stack_bytes)),
            f"{m.compile_seconds:.1f} s",
            f"{m.quantize_seconds:.1f} s",
        ]
        for network, schemes in measured.items()
        for scheme, m in schemes.items()
    ]
    note = (
        "The lower bound of the arena is the largest sum of bytes that are live during one call, tensors that share\n"
        "memory counted once. Seconds of a whole process on the computer that ran this, quantisation apart.\n"
    )
    return note + "\n" + _markdown(head, rows)


def _layers_note(measured: Mapping[str, Mapping[str, Measured]]) -> str:
    host = all(m.host_instructions is not None for schemes in measured.values() for m in schemes.values())
    text = "Counts of the layers hold about 20 instructions each of the hook that reads them.\n"
    if host:
        return text + "Host: x86-64 instructions of the same C, gcc -O2, counted by callgrind.\n"
    return text + "The host's instructions are missing: valgrind was not installed.\n"


def _layers(schemes: Mapping[str, Measured]) -> str:
    """Side by side where the schemes have the same layers, one table behind the other where not."""
    forms = {scheme: [(layer.operator, layer.shape, layer.macs) for layer in m.layers] for scheme, m in schemes.items()}
    if len({tuple(form) for form in forms.values()}) > 1:
        return "\n".join(f"{scheme}:\n\n{_layers({scheme: m})}" for scheme, m in schemes.items())
    with_host = all(m.host_instructions is not None for m in schemes.values())
    head = ["operator", "output", "MACs"]
    for scheme in schemes:
        head += [scheme, "per MAC", *(["host"] if with_host else [])]
    rows = []
    for index, (operator, shape, macs) in enumerate(next(iter(forms.values()))):
        cells = [f"{index} {operator}", "x".join(map(str, shape)), _number(macs or None)]
        rows.append(cells + [c for m in schemes.values() for c in _costs(m.layers[index], with_host)])
    total = ["all", "", _number(next(iter(schemes.values())).macs)]
    for m in schemes.values():
        total += [_number(m.rv32_instructions), f"{m.rv32_instructions / m.macs:.2f}"]
        total += [_number(m.host_instructions)] if with_host else []
    return _markdown(head, [*rows, total])


def _costs(layer: Layer, with_host: bool) -> list[str]:
    per_mac = f"{layer.rv32_instructions / layer.macs:.2f}" if layer.macs else ""
    host = [_number(layer.host_instructions)] if with_host else []
    return [_number(layer.rv32_instructions), per_mac, *host]
