# SPDX-License-Identifier: Apache-2.0
"""From a float model to an int8 model in QDQ form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from espdl.errors import EspdlError
from espdl.frontend import Model, refusals
from espdl.quantize import (
    batch_norm,
    biases,
    calibration,
    checks,
    dead_channels,
    floors,
    inputs,
    integer_boxes,
    islands,
    layer_parts,
    losses,
    mixed,
    opset,
    prequantized,
    qdq,
    saturate,
    scale_ends,
)
from espdl.quantize import recipe as recipes
from espdl.quantize.calibration import Calibration
from espdl.quantize.graph import Graph, tied
from espdl.quantize.network import Network
from espdl.quantize.placement import place
from espdl.quantize.preprocess import preprocess
from espdl.quantize.ranges import Progress, observe
from espdl.quantize.refine.layer_by_layer import choose_samples
from espdl.quantize.types import Floors, QuantizedModel, Settings
from espdl.targets import ROUND_TFLITE
from espdl.wording import option

__all__ = ["Calibration", "QuantizedModel", "Settings", "calibration", "run"]


def run(
    model: Model,
    samples: Calibration | None,
    settings: Settings | None = None,
    progress: Progress = lambda phase, done, total: None,
) -> QuantizedModel:
    """Preprocesses, calibrates, chooses scales and inserts Q/DQ pairs.

    A model that carries Q/DQ nodes already is taken as it is, in any precision, and so is any model with precision
    float32. Raises EspdlError where the model cannot be quantised.
    """
    settings = settings or Settings()
    _check_precision(model, settings)
    has_words = any(i.dtype in ("int16", "uint16") for i in model.inputs)
    if (settings.uses_int16 or has_words) and not model.carries_quantization:
        model = opset.at_least(model, opset.INT16)
    notes: list[str] = []
    proto = preprocess(model, notes)
    if model.carries_quantization:
        proto = prequantized.with_constants(proto)
    refusals.check(proto, model.label)
    _check_static(proto, model)
    in_floats = settings.precision == "float32"
    if model.carries_quantization and (not in_floats or prequantized.has_fixed_scales(proto)):
        return _prequantized(model, proto, settings, tuple(notes))
    if in_floats:
        return QuantizedModel(proto, proto, model.label, model.inputs, settings.scheme, warnings=tuple(notes))
    return _quantized(model, proto, samples or calibration.open(None, model), settings, notes, progress)


def _quantized(
    model: Model,
    proto: onnx.ModelProto,
    samples: Calibration,
    settings: Settings,
    notes: Sequence[str],
    progress: Progress,
) -> QuantizedModel:
    """A float model, preprocessed, as integers."""
    proto, has_casts = inputs.prepare(proto, samples, settings)
    float_proto = tied(biases.complete(batch_norm.as_convolutions(proto)), settings.ties)
    float_proto, in_floats = islands.apply(float_proto, samples, settings, model.label)
    limits = floors.measure(float_proto, samples, floors.SOFTMAX_STEPS["int16" if settings.uses_int16 else "int8"])
    proto, raised = saturate.apply(float_proto, limits), saturate.Raised(samples, limits)
    wide: frozenset[str] = frozenset()
    if settings.int16_nodes and settings.precision == "int8":
        mix = mixed.split(proto, settings.int16_nodes, model.label)
        proto, wide = mix.proto, mix.wide
    limits.inherit(proto)
    _check_layers(Graph(proto), model.label)
    network, has_borders = _with_scales_apart(
        _observed(proto, raised, limits, wide, progress), raised, limits, settings, progress
    )
    chosen = choose_samples(network, raised, len(raised))
    result = recipes.run(network, chosen, settings, progress)
    quantized = qdq.insert(
        result.network.graph, result.network.placement, result.scales, settings.scheme == "power_of_two"
    )
    if wide or has_borders or has_casts:
        quantized = mixed.without_casts(quantized)
    quantized = integer_boxes.apply(quantized)
    told = (
        *notes,
        *in_floats,
        *checks.warnings(network, len(raised)),
        *result.warnings,
        *losses.warnings(result.network, result.scales, quantized, chosen, settings),
    )
    made = QuantizedModel(quantized, float_proto, model.label, model.inputs, settings.scheme, warnings=told)
    ranges = {name: statistics.range for name, statistics in result.network.statistics.items()}
    made = replace(made, statistics=ranges, reference_proto=result.network.graph.proto, floors=limits.tensors)
    return _without_dead_channels(made, settings)


def _observed(
    proto: onnx.ModelProto, samples: saturate.Raised, limits: Floors, wide: frozenset[str], progress: Progress
) -> Network:
    names = place(Graph(proto)).quantized
    return Network.of(proto, observe(proto, names, samples, progress, len(samples), limits), wide)


def _with_scales_apart(
    network: Network, samples: saturate.Raised, limits: Floors, settings: Settings, progress: Progress
) -> tuple[Network, bool]:
    """The network in a form in which what reaches differently far has scales of its own, and whether it has casts."""
    if (parts := layer_parts.split(network, settings)) is not None:
        proto, wide = parts
        limits.inherit(proto)
        network = _observed(proto, samples, limits, wide, progress)
    network, has_borders = scale_ends.apply(network, settings)
    limits.inherit(network.graph.proto)
    return network, has_borders


def _check_precision(model: Model, settings: Settings) -> None:
    if settings.uses_int16 and settings.scheme != "affine":
        raise EspdlError(
            f"{model.label}: 16-bit activations",
            f"they need scheme affine, and the scheme is {settings.scheme}",
            f"choose {option('scheme', 'affine')} (or default), or {option('precision', 'int8')}",
        )


def _prequantized(model: Model, proto: onnx.ModelProto, settings: Settings, notes: tuple[str, ...]) -> QuantizedModel:
    """A model that came quantised; in scheme affine where its scales do not fit power_of_two."""
    proto, warnings = prequantized.normalise(proto, model.label)
    if settings.scheme == "power_of_two" and not prequantized.is_power_of_two(proto):
        settings = replace(settings, scheme="affine", rounding=ROUND_TFLITE)
    taken = QuantizedModel(proto, proto, model.label, model.inputs, settings.scheme, warnings=(*notes, *warnings))
    return _without_dead_channels(taken, settings)


def _without_dead_channels(model: QuantizedModel, settings: Settings) -> QuantizedModel:
    if not settings.remove_dead_channels:
        return model
    proto, removed = dead_channels.remove(model.proto, settings.rounding, settings.channel_multiple)
    return replace(model, proto=proto, removed=removed.channels, removed_text=removed.text)


def _check_layers(graph: Graph, label: str) -> None:
    """Raises EspdlError where there is nothing to quantise, or weights are no numbers."""
    placement = place(graph)
    for layer in placement.weighted:
        for what, name in (("weights", layer.weights), ("biases", layer.bias)):
            if name is not None and not np.isfinite(graph.array(name)).all():
                raise EspdlError.at(
                    label,
                    layer.node,
                    f"NaN or infinite values are among its {what} ('{name}')",
                    "look for the overflow in the training, and export the model again",
                )
    if not placement.quantized:
        raise EspdlError(
            label,
            "it computes nothing in float32, so there is nothing to quantise",
            f"use {option('precision', 'float32')}",
        )


def _check_static(proto: onnx.ModelProto, model: Model) -> None:
    known = {v.name: v for v in (*proto.graph.value_info, *proto.graph.output, *proto.graph.input)}
    for node in proto.graph.node:
        for output in filter(None, node.output):
            value = known.get(output)
            dims = (
                value.type.tensor_type.shape.dim
                if value is not None and value.type.tensor_type.HasField("shape")
                else None
            )
            if dims is None or not all(d.HasField("dim_value") for d in dims):
                raise EspdlError.at(
                    model.label,
                    node,
                    "the shape of its output is not known before it runs, and the generated C has only static shapes",
                    "export the model with fixed sizes and without this operator, or cut the graph before it",
                )
