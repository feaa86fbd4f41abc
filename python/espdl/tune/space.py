# SPDX-License-Identifier: Apache-2.0
"""What is searched: the choices of every setting that the user has left open, and those that are tried first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from espdl import options
from espdl.options import Options
from espdl.quantize import Settings

# Settings that change what is computed. MEMORY does not: its choices are planned for every candidate.
_SEARCHED = ("scheme", "precision", "effort", "calibration_method", "dead_channels", "flash_budget")
# Choices that stand for another, and the network in floats, which is no answer to a question about integers.
_LEFT_OUT = {("scheme", "default"), ("calibration_method", "default"), ("precision", "float32")}
# Precision of single layers in a network of int8, and the field of Options that lists the layers.
_WIDTHS: Mapping[str, str] = {"int16": "int16", "float": "float"}
_NARROW = "int8"
# What 16 bits need (espdl.quantize says so): in the other scheme, layers stay as they are.
_WIDE_SCHEME = "affine"
# What a model that came quantised leaves open.
_OF_INTEGERS = ("dead_channels", "flash_budget")
_BEST = "best"
# So many layers have a precision of their own: those with the largest error, and where the network begins and ends.
_WORST, _FIRST, _LAST = 12, 3, 2

# A choice for each dimension of a space.
Params = Mapping[str, str]


@dataclass(frozen=True)
class LayerLoss:
    """How much a node loses by its own rounding, in dB of signal to noise."""

    node: str
    own_db: float


@dataclass(frozen=True)
class Space:
    """`base`: the options that the search starts from. `dimensions`: the choices by name, a setting's or a layer's;
    `layers`: by the name of its dimension, the node. `losses` in the order of the network.
    """

    base: Options
    dimensions: Mapping[str, tuple[str, ...]]
    layers: Mapping[str, str]
    losses: tuple[LayerLoss, ...]
    memories: tuple[str, ...]

    @property
    def default(self) -> Params:
        """The options that the search starts from; single layers of the user's are no dimension."""
        found = {name: _default(self.base, name) for name in self.dimensions if name not in self.layers}
        return {**found, **dict.fromkeys(self.layers, _NARROW)}

    def settings(self, params: Params) -> dict[str, Any]:
        """Fields of Options. Choices that make no difference have one form, so that nothing is measured twice."""
        values: dict[str, Any] = {name: params[name] for name in self.dimensions if name not in self.layers}
        narrow = values.get("precision", self.base.precision) == _NARROW
        if not narrow and "scheme" in values:
            values["scheme"] = _WIDE_SCHEME
        for width, field in _WIDTHS.items():
            wide = tuple(node for name, node in self.layers.items() if params[name] == width)
            if self.layers:
                is_able = width != "int16" or values.get("scheme", self.base.target.scheme) == _WIDE_SCHEME
                values[field] = wide if narrow and is_able else ()
        return values

    def name(self, params: Params) -> str:
        """Equal for params that mean the same."""
        return repr(self.settings(params))

    def options(self, params: Params) -> Options:
        return replace(self.base, **self.settings(params), memory=self.memories[0])

    def starts(self) -> list[Params]:
        """What is tried before the sampler: the default, one change at a time, then layers by what they lose."""
        found: dict[str, Params] = {}
        for changes in ({}, *self._single(), *self._mixed()):
            params = {**self.default, **changes}
            if all(params[name] in choices for name, choices in self.dimensions.items()):
                found.setdefault(self.name(params), params)
        return list(found.values())

    def _single(self) -> Iterator[dict[str, str]]:
        open_settings = {n: c for n, c in self.dimensions.items() if n not in self.layers}
        for scheme in open_settings.get("scheme", ("",)):
            of_scheme = {"scheme": scheme} if scheme else {}
            if scheme and "calibration_method" in open_settings:
                of_scheme["calibration_method"] = method_of(scheme)
            for effort in open_settings.get("effort", ()):
                yield {**of_scheme, "effort": effort}
            for method in open_settings.get("calibration_method", ()):
                for effort in [_BEST, self.base.effort] if "effort" in open_settings else [self.base.effort]:
                    yield {**of_scheme, "calibration_method": method, "effort": effort}
        for name in ("precision", "dead_channels", "flash_budget"):
            for choice in open_settings.get(name, ()):
                yield {**self._affine(), name: choice} if choice == "int16x8" else {name: choice}
        if "precision" in open_settings and "effort" in open_settings:
            yield {**self._affine(), "precision": "int16x8", "effort": _BEST}

    def _affine(self) -> dict[str, str]:
        changes = {"scheme": _WIDE_SCHEME, "calibration_method": method_of(_WIDE_SCHEME)}
        return {name: value for name, value in changes.items() if name in self.dimensions}

    def _mixed(self) -> Iterator[dict[str, str]]:
        """Layers side by side, between which 16 bits are kept; the worst alone, and all of the worst."""
        if not self.layers:
            return
        names = list(self.layers)
        loss = {layer.node: layer.own_db for layer in self.losses}
        worst = sorted(names, key=lambda name: loss[self.layers[name]])
        pairs = [names[max(0, names.index(name) - 1) : names.index(name) + 1] for name in worst[:3]]
        pairs += [names[names.index(name) : names.index(name) + 2] for name in worst[:3]]
        sets = [names[:1], names[:2], names[:3], *pairs, names[-1:], names[-2:], worst[:4], worst[:8], names]
        for width in _WIDTHS:
            # Floats are for a layer that integers cannot carry: one that loses much, or the last.
            for members in sets if width == "int16" else (worst[:1], names[-1:]):
                changes = dict.fromkeys(members, width) | self._affine()
                yield changes | ({"effort": _BEST} if "effort" in self.dimensions else {})


def of(base: Options, fixed: Collection[str], losses: Sequence[LayerLoss], *, came_quantized: bool = False) -> Space:
    """`fixed`: options that the user has given, which stay. `losses`: of nodes whose precision may change."""
    names = _OF_INTEGERS if came_quantized else _SEARCHED
    dimensions = {name: _choices(name) for name in names if name not in fixed}
    if "scheme" in fixed and base.target.scheme != _WIDE_SCHEME:
        dimensions.pop("precision", None)
    open_layers = not came_quantized and not {"precision", *_WIDTHS.values()} & set(fixed)
    chosen = _chosen(losses) if open_layers and base.precision == _NARROW else []
    layers = {f"layer {index}": layer.node for index, layer in enumerate(chosen)}
    dimensions |= dict.fromkeys(layers, (_NARROW, *_WIDTHS))
    others = (choice for choice in _choices("memory") if choice != base.memory)
    memories = (base.memory,) if "memory" in fixed else (base.memory, *others)
    return Space(base, dimensions, layers, tuple(chosen), memories)


def _choices(name: str) -> tuple[str, ...]:
    argument = next(argument for field, argument in options.arguments() if field.name == name)
    left_out = {choice for option, choice in _LEFT_OUT if option == name} | {options.BYTES}
    return tuple(choice for choice in argument.choices if choice not in left_out)


def wants_losses(base: Options, fixed: Collection[str]) -> bool:
    """Whether the precision of single layers is open, so that it is worth knowing what each loses."""
    if {"precision", *_WIDTHS.values()} & set(fixed) or base.precision != _NARROW:
        return False
    return "scheme" not in fixed or base.target.scheme == _WIDE_SCHEME


def _chosen(losses: Sequence[LayerLoss]) -> list[LayerLoss]:
    """In the order of the network; a node that writes several tensors counts with the worst."""
    by_node: dict[str, LayerLoss] = {}
    for layer in losses:
        known = by_node.get(layer.node)
        by_node[layer.node] = layer if known is None else min(known, layer, key=lambda one: one.own_db)
    nodes = list(by_node.values())
    worst = sorted(nodes, key=lambda layer: layer.own_db)[:_WORST]
    taken = {layer.node for layer in (*worst, *nodes[:_FIRST], *nodes[-_LAST:])}
    return [layer for layer in nodes if layer.node in taken]


def _default(base: Options, name: str) -> str:
    value = getattr(base, name)
    if value != "default" or name not in ("scheme", "calibration_method"):
        return value
    return base.target.scheme if name == "scheme" else method_of(base.target.scheme)


def method_of(scheme: str) -> str:
    """The calibration method that a scheme takes where none is named."""
    return Settings(scheme=scheme).range_method
