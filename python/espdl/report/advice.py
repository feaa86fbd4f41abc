# SPDX-License-Identifier: Apache-2.0
"""What could be better: sentences that follow from a report's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from espdl.report import memory
from espdl.report.values import layer_name, number, percent, printable, short
from espdl.wording import option

# What ESP-IDF's default partition table gives to the application, and what an application takes beside its weights.
_DEFAULT_PARTITION = 1 << 20
_REST_OF_THE_APPLICATION = 384 << 10
_PARTITION_STEP = 64 << 10

# Below this many dB (an error of a tenth) a layer is worth a look.
_LOW_SQNR = 20.0
_MUCH = 0.05
_SHOWN = 3


def make(report: dict[str, Any]) -> list[str]:
    """Sentences, the most important first."""
    return [sentence for rule in _RULES for sentence in rule(report)]


def _warnings(report: dict[str, Any]) -> Iterator[str]:
    yield from report["warnings"]


def _fallback(report: dict[str, Any]) -> Iterator[str]:
    """Only of int8 networks: in one of floats that is what was asked for."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for layer in report["layers"]:
        groups.setdefault(layer_name(layer), []).append(layer)
    slow = [layers for layers in groups.values() if any(layer["fallback"] for layer in layers)]
    if not any(t["scale"] is not None for layer in report["layers"] for t in _tensors(layer)):
        return
    for layers in sorted(slow, key=lambda layers: -_share(layers))[:_SHOWN]:
        yield f"{short(layer_name(layers[0]))} ({_places(layers)}) {_in_floats(layers)}"
    if len(slow) > _SHOWN:
        yield f"{len(slow) - _SHOWN} more run in loops that TVM made; the table says why."


def _in_floats(layers: list[dict[str, Any]]) -> str:
    """What the layers of one ONNX node, or of several that are one, do instead of a kernel, why, and at what cost."""
    notes = dict.fromkeys(note for layer in layers if layer["fallback"] for note in layer["notes"])
    reasons = "; ".join(notes) or "no kernel has it"
    if not any(t["scale"] is not None or t["dtype"] == "float32" for layer in layers for t in _tensors(layer)):
        return f"runs in loops that TVM made, not in a kernel: {reasons}."
    share = percent(_share(layers))
    cost = f"{share} of the run" if layers[0]["cost"] is not None else f"more than the estimated {share} of the run"
    floats = sum(t["bytes"] for layer in layers for t in layer["outputs"] if t["dtype"] == "float32")
    memory = f" and {number(floats)} bytes for float tensors" if floats else ""
    return f"computes in floats, in loops that TVM made: {reasons}. It takes {cost}{memory}."


def _tensors(layer: dict[str, Any]) -> list[dict[str, Any]]:
    return [*layer["inputs"], *layer["outputs"]]


def _share(layers: list[dict[str, Any]]) -> float:
    return sum(layer["share"] for layer in layers)


def _places(layers: list[dict[str, Any]]) -> str:
    numbers = [str(layer["index"]) for layer in layers]
    shown = numbers[:_SHOWN] + (["..."] if len(numbers) > _SHOWN else [])
    return f"layer{'s' if len(numbers) > 1 else ''} {', '.join(shown)}"


def _slow_kernels(report: dict[str, Any]) -> Iterator[str]:
    layers = [
        layer for layer in report["layers"] if layer["notes"] and not layer["fallback"] and layer["share"] > _MUCH
    ]
    for layer in sorted(layers, key=lambda layer: -layer["share"])[:_SHOWN]:
        yield f"{_of(layer)} takes {percent(layer['share'])} and could be faster: {'; '.join(layer['notes'])}."


def _transposed_input(report: dict[str, Any]) -> Iterator[str]:
    inputs = {port["tensor"]: port["name"] for port in report["inputs"]}
    for layer in report["layers"]:
        for tensor in layer["inputs"]:
            if layer["operator"] == "transpose" and tensor["tensor"] in inputs:
                yield (
                    f"The input '{printable(inputs[tensor['tensor']])}' is reordered at every run"
                    f" ({percent(layer['share'])}):"
                    f" {option('input_layout', 'nhwc')} takes pixels as cameras deliver them."
                )


def _errors(report: dict[str, Any]) -> Iterator[str]:
    known = [layer for layer in report["layers"] if layer["sqnr_db"] is not None and layer["sqnr_db"] < _LOW_SQNR]
    for layer in sorted(known, key=lambda layer: layer["sqnr_db"])[:_SHOWN]:
        yield (
            f"{_of(layer)} is {layer['sqnr_db']:.1f} dB from the float model: try another"
            f" {option('calibration_method')}, more calibration data, or {option('precision', 'int16x8')}."
        )


def _peak(report: dict[str, Any]) -> Iterator[str]:
    slot = report["memory"]["peak"]
    if not 0 < slot <= len(report["layers"]):
        return
    largest = memory.alive(report["memory"], slot)[:_SHOWN]
    names = ", ".join(f"{short(printable(b['name']))} ({b['kind']}, {number(b['bytes'])} bytes)" for b in largest)
    where = _of(report["layers"][slot - 1], "layer")
    yield f"RAM peaks in {where}: {names}. Only there can the arena become smaller."


def _arena(report: dict[str, Any]) -> Iterator[str]:
    waste = report["arena_bytes"] - report["arena_lower_bound"]
    if waste > 0:
        yield f"The arena is {number(waste)} bytes above its lower bound: no better packing was found."


def _partition(report: dict[str, Any]) -> Iterator[str]:
    needed = report["weights_bytes"] + _REST_OF_THE_APPLICATION
    if needed > _DEFAULT_PARTITION:
        size = -(-needed // _PARTITION_STEP) * _PARTITION_STEP
        yield (
            f"The weights do not fit ESP-IDF's default partition of 1 MB for the application: make one of"
            f" {size >> 10} KB (CONFIG_PARTITION_TABLE_CUSTOM), {_REST_OF_THE_APPLICATION >> 10} KB of it for the rest."
        )


def _inexact(report: dict[str, Any]) -> Iterator[str]:
    layers = [layer for layer in report["layers"] if not layer["exact"]]
    if layers:
        names = ", ".join(short(layer_name(layer)) for layer in layers[:_SHOWN]) + (
            ", ..." if len(layers) > _SHOWN else ""
        )
        yield f"The last bit may differ between C libraries, because of floating-point functions: {names}."


def _of(layer: dict[str, Any], word: str = "Layer") -> str:
    return f"{word} {layer['index']} ({short(layer_name(layer))})"


_RULES: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    _warnings,
    _errors,
    _fallback,
    _slow_kernels,
    _transposed_input,
    _partition,
    _peak,
    _arena,
    _inexact,
)
