# SPDX-License-Identifier: Apache-2.0
"""From a Plan to C: header, source, weights blob and the assembler file that links it.

The templates in `templates/` hold all C text; this file gives them values that are C text already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl import templates
from espdl.emit import c_text, cores, places, streams, stripes
from espdl.emit.files import Files
from espdl.emit.weights import Weights, pack
from espdl.errors import present
from espdl.plan.parts import part_call
from espdl.plan.turns import Part
from espdl.plan.types import QUANTIZED, KernelCall, Plan, Port, Tensor

__all__ = ["Files", "CodeOptions", "check_model_name", "render"]

check_model_name = c_text.check_model_name

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class CodeOptions:
    """How the generated code is set up.

    `arena`: "caller" (config.arena must be given) or "static" (the model brings its own, used where config.arena is
    NULL). `weights`: "flash" (used where they are linked), "ram" or "psram" (copied there by init; under ESP-IDF,
    psram needs CONFIG_SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY). `layers`: with the table of the layers' names and outputs,
    which profile and taps read; the hook works without it.
    """

    arena: str = "caller"
    weights: str = "flash"
    layers: bool = False

    def __post_init__(self) -> None:
        if self.arena not in ("caller", "static"):
            raise ValueError(f"arena must be 'caller' or 'static', not {self.arena!r}")
        if self.weights not in ("flash", "ram", "psram"):
            raise ValueError(f"weights must be 'flash', 'ram' or 'psram', not {self.weights!r}")


def render(
    plan: Plan,
    name: str,
    *,
    packings: Mapping[str, Callable[[KernelCall], list[np.ndarray]]],
    identity: str = "",
    options: CodeOptions = CodeOptions(),
) -> Files:
    """`<name>_weights.bin`, `<name>_weights.S`, `<name>.h`, `<name>.c` for a plan whose memory is assigned.

    `identity` is text that names model, options and compiler; it ends in the header and the descriptor. Equal arguments
    give equal bytes. Raises EspdlError where `name` cannot be a prefix of C names.
    """
    check_model_name(name)
    weights = pack(plan, packings)
    layers = [_layer(plan, weights, index) for index in range(len(plan.calls))]
    regions = [stripes.region(plan, region) for region in plan.regions]
    context = {
        "name": name,
        "prefix": name.upper(),
        "identity": c_text.string(identity),
        "options": options,
        "arena_bytes": max(plan.arena_bytes, 16),
        "state_bytes": plan.state_bytes,
        "weights_bytes": len(weights.blob),
        "headers": sorted(({call.header for call in plan.calls} | {region["header"] for region in regions}) - {""}),
        "functions": list(plan.functions.values()),
        "inputs": _ports(plan, plan.inputs),
        "at_caller": any(tensor.at_caller for tensor in plan.tensors),
        "by_rows": any(call.asks for call in plan.calls),
        "outputs": _ports(plan, plan.outputs),
        "layers": layers,
        "turns": cores.turns(plan, layers),
        "regions": regions,
        "prepared": [layer for layer in layers if layer["prepare"]],
        "stream": streams.stream(plan),
        "states": streams.states(plan),
    }
    environment = templates.environment(_TEMPLATES)

    def text(template: str) -> bytes:
        return environment.get_template(template).render(context).encode("ascii")

    return Files(
        {
            f"{name}_weights.bin": weights.blob,
            f"{name}_weights.S": text("weights.S.jinja"),
            f"{name}.h": text("model.h.jinja"),
            f"{name}.c": text("model.c.jinja"),
        }
    )


def _ports(plan: Plan, ports: tuple[Port, ...]) -> list[dict]:
    tensors = [plan.tensor(port.tensor) for port in ports]
    suffixes = c_text.identifiers(port.name for port in ports)
    return [_port(plan, index, *values) for index, values in enumerate(zip(ports, tensors, suffixes, strict=True))]


def _port(plan: Plan, index: int, port: Port, tensor: Tensor, suffix: str) -> dict:
    quantized = tensor.scale is not None
    scaled = _features(port, tensor)
    bounds = np.iinfo(tensor.dtype) if tensor.dtype in QUANTIZED else None
    return {
        "index": index,
        "id": suffix,
        "ID": suffix.upper(),
        "name": c_text.string(port.name),
        "comment": c_text.comment(port.name),
        "layout": c_text.comment(port.layout),
        "type": c_text.C_TYPES[tensor.dtype],
        "dtype": f"ESPDL_{tensor.dtype.upper()}",
        "shape": ", ".join(str(extent) for extent in tensor.shape),
        "rank": len(tensor.shape),
        "count": tensor.count,
        "bytes": tensor.nbytes,
        "offset": tensor.offset,
        "alignment": places.alignment(plan, tensor) if tensor.at_caller else 0,
        "rows": tensor.shape[1] if tensor.source == "rows" else 0,
        "pushed": tensor.source == "stream",
        "is_state": tensor.source == "state",
        "quantized": quantized,
        "features": scaled,
        "plain": quantized and not scaled,
        "helpers": quantized and bounds is not None,
        "real": tensor.dtype == "float32",
        "scale": c_text.real(1.0 if port.integers else float(np.float32(tensor.scale))) if quantized else "0.0f",
        "zero_point": tensor.zero_point if quantized and not port.integers else 0,
        "min": int(bounds.min) if bounds else 0,
        "max": int(bounds.max) if bounds else 0,
    }


def _features(port: Port, tensor: Tensor) -> dict | None:
    """Of an input with a scale or an offset for each feature: how many, the numbers, and how many values in a row are
    of one feature."""
    if port.features is None or tensor.scale is None:
        return None
    features, rank = port.features, len(tensor.shape)
    axis = rank - 1 if port.layout in ("NHWC", "NTC") and features.axis == 1 else features.axis

    def numbers(values: Sequence[float]) -> str:
        return c_text.fill([c_text.real(float(np.float32(value))) for value in values], " " * 4)

    return {
        "count": len(features.scales),
        "scales": numbers(features.scales),
        "offsets": numbers(features.offsets),
        "inner": int(np.prod(tensor.shape[axis + 1 :])),
    }


def _is_striped(plan: Plan, index: int) -> bool:
    """Whether a call computes some rows at a time, as it is told."""
    by_rows = (*plan.regions, *([plan.stream] if plan.stream is not None else ()))
    return any(part.first <= index < part.stop for part in by_rows)


def _layer(plan: Plan, weights: Weights, index: int) -> dict:
    call = plan.calls[index]
    outputs = [plan.tensor(name) for name in call.outputs]
    striped = _is_striped(plan, index)
    functions = [
        _function(plan, weights, f"layer_{index}_{number}", part, core)
        for number, (part, core) in enumerate(cores.parts(plan, index))
    ]
    functions = functions or [_function(plan, weights, f"layer_{index}", Part(index), 0)]
    nodes = ", ".join(call.source_nodes) or call.operator
    return {
        "index": index,
        "comment": c_text.comment(nodes),
        "name": c_text.string(nodes),
        "op": c_text.string(call.operator),
        "backend": c_text.string(call.backend),
        "summary": f"{_tensors(plan, call.reads)} -> {_tensors(plan, call.outputs)}",
        "params_type": c_text.symbol(call.params.c_type) if call.params else "",
        "function": c_text.symbol(call.function),
        "prepare": call.prepare and c_text.symbol(call.prepare),
        "functions": functions,
        "striped": striped,
        "asks": call.asks,
        "changes": stripes.changes(call) if striped else [],
        "spans": ", ".join(f"{{{t.offset}, {t.nbytes}, {t.row_bytes}, {t.pitch or t.row_bytes}}}" for t in outputs),
        "span_count": 0 if striped else len(outputs),  # the runtime knows the rows of a stripe
    }


def _function(plan: Plan, weights: Weights, name: str, part: Part, core: int) -> dict:
    """The function that computes a call, or what one core does of it."""
    whole = plan.calls[part.call]
    striped = _is_striped(plan, part.call)
    made = part_call(whole, part, plan.by_name)
    call, constants = made.call, weights.of(part)
    arguments = [f"&s_params_{part.call}" if call.prepare else "&params"] if call.params else []
    if striped:
        arguments += stripes.inputs(plan, call)
    else:
        arguments += [places.of_input(plan, name, behind) for name, behind in zip(call.inputs, made.inputs)]
    arguments += [f"WEIGHTS({offset})" for offset in constants]
    offsets = [present(plan.tensor(output).offset) + made.output for output in call.outputs]
    arguments += ["stripe->output"] if striped else [f"ARENA({offset})" for offset in offsets]
    if call.scratch_bytes:
        arguments.append(stripes.scratch(plan, part.call) if striped else f"ARENA({cores.scratch(call, core)})")
    arguments += [f"ARENA({call.state_offset})"] if call.state_bytes else []
    values = call.params.flat() if call.params else ()
    params = [f".{c_text.field(field)} = {c_text.literal(value)}" for field, value in values]
    return {
        "name": name,
        "params": c_text.fill(params, " " * 8),
        "arguments": ", ".join(arguments),
        "uses_arena": any("ARENA(" in argument or "CALLER(" in argument for argument in arguments),
        "uses_weights": bool(constants),
    }


def _tensors(plan: Plan, names: tuple[str, ...]) -> str:
    tensors = [plan.tensor(name) for name in names]
    return ", ".join(f"{t.dtype}[{'x'.join(str(extent) for extent in t.shape)}]" for t in tensors)
