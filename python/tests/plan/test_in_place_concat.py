# SPDX-License-Identifier: CC0-1.0
"""Concatenations without a copy: the network computes the same, and calls only do what they said they can."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espdl import plan as planner
from espdl.plan import graph, in_place_concat
from espdl.plan.graph import Span
from espdl.plan.in_place_concat import CallNetwork
from espdl.plan.params import Params
from espdl.plan.types import KernelCall, Port, Tensor

BOTH = ("input_pitch", "output_pitch")


def tensor(name: str, rows: int, row: int) -> Tensor:
    return Tensor(name, (rows, row), "int8")


@cache
def pitches(fields: tuple[str, ...]) -> type[Params]:
    return type("Pitches", (Params,), {"__annotations__": dict.fromkeys(fields, "int"), "__module__": __name__})


def call(
    name: str, inputs: list[str], outputs: list[str], pitched=(), concatenates=(), alignment: int = 1
) -> KernelCall:
    params = pitches(tuple(pitched))(*[0] * len(pitched))
    return KernelCall(
        *("none", name, params),
        tuple(inputs),
        tuple(outputs),
        pitched=pitched,
        concatenates=concatenates,
        alignment=alignment,
    )


def concat(tensors: list[Tensor], parts: list[str], result: str) -> KernelCall:
    rows = {t.name: t.nbytes if t.shape[0] == 1 else t.row_bytes for t in tensors}
    return call("concat", parts, [result], concatenates=tuple(rows[part] for part in parts))


def network(calls: list[KernelCall], tensors: list[Tensor], inputs: list[str], outputs: list[str]) -> CallNetwork:
    ports = [tuple(Port(name, name) for name in names) for names in (inputs, outputs)]
    return CallNetwork(tuple(calls), {t.name: t for t in tensors}, (ports[0], ports[1]))


@st.composite
def networks(draw: st.DrawFn) -> CallNetwork:
    tensors = [tensor("in", 3, 4), tensor("vector", 1, 16)]
    calls: list[KernelCall] = []
    for number in range(draw(st.integers(2, 9))):
        rows = draw(st.sampled_from(sorted({t.shape[0] for t in tensors})))
        readable = [t for t in tensors if t.shape[0] == rows]
        if draw(st.booleans()) and number:
            parts = draw(st.lists(st.sampled_from(readable), min_size=2, max_size=3))
            made = tensor(f"t{number}", rows, sum(t.row_bytes for t in parts))
            calls.append(concat(tensors, [t.name for t in parts], made.name))
        else:
            sources = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=2))
            made = tensor(f"t{number}", draw(st.sampled_from([1, 3])), draw(st.sampled_from([1, 4, 16])))
            pitched = draw(st.sampled_from([(), BOTH, BOTH, BOTH, ("output_pitch",)]))
            alignment = draw(st.sampled_from([1, 1, 16]))
            calls.append(call(f"f{number}", [t.name for t in sources], [made.name], pitched, alignment=alignment))
        tensors.append(made)
    outputs = draw(st.lists(st.sampled_from(tensors[2:]), min_size=1, max_size=2, unique_by=lambda t: t.name))
    return network(calls, tensors, ["in", "vector"], [t.name for t in outputs])


def run(net: CallNetwork) -> dict[str, bytes]:
    """What each tensor holds when it is complete; a call gives bytes that depend on all that it reads."""
    found = graph.build(net.calls, net.tensors.values(), *net.ports)
    memory = {root: np.zeros(found.size(root), np.uint8) for root in found.roots}
    values: dict[str, bytes] = {}

    def place(name: str) -> np.ndarray:
        return found.spans[name].of(memory[found.spans[name].root])

    for port in net.ports[0]:
        if port.tensor in found.spans:
            place(port.tensor)[...] = 7
    for one in net.calls:
        reads = [place(name).copy() for name in one.inputs]
        (result,) = one.outputs
        if one.concatenates:
            made = np.concatenate([r.reshape(-1, row) for r, row in zip(reads, one.concatenates)], axis=1)
        else:
            seed = hashlib.sha256(one.function.encode() + b"".join(r.tobytes() for r in reads)).digest()
            made = np.random.default_rng(list(seed)).integers(0, 256, net.tensors[result].nbytes, np.uint8)
        place(result)[...] = made.reshape(place(result).shape)
        values[result] = place(result).tobytes()
    return values | {p.tensor: place(p.tensor).tobytes() for p in net.ports[1]}


@given(networks())
@settings(deadline=None, max_examples=120, derandomize=True, database=None)
def test_meaning(net: CallNetwork) -> None:
    results = in_place_concat.candidates(net)
    joined = in_place_concat.without_copies(net, results)
    before, after = run(net), run(joined)
    assert all(before[name] == value for name, value in after.items())
    assert set(before) - set(after) <= set(results)
    for one in joined.calls:
        for name in (*one.inputs, *one.outputs):
            whole, offset = joined.tensors[name], 0
            while whole.alias_of is not None:
                offset, whole = offset + whole.alias_offset, joined.tensors[whole.alias_of]
            assert offset % one.alignment == 0
            pitch = joined.tensors[name].pitch
            fields = [f for f, names in zip(BOTH, (one.inputs, one.outputs)) if name in names and pitch]
            assert all(names[1:].count(name) == 0 for names in (one.inputs, one.outputs) if pitch)
            assert all(f in one.pitched and getattr(one.params, f) == pitch for f in fields)


@given(networks())
@settings(deadline=None, max_examples=60, derandomize=True, database=None)
def test_arena_never_grows(net: CallNetwork) -> None:
    def arena() -> int:
        return planner.run(net.calls, net.tensors.values(), *net.ports, "generic", "affine").arena_bytes

    with mock.patch.object(in_place_concat, "candidates", lambda _: []):
        without = arena()
    assert arena() <= without


def skip(readers_step_over: bool = True, **changes: Tensor) -> CallNetwork:
    """Two branches side by side, one of them read elsewhere too: the end of a U-Net."""
    names = ("in", "skip", "low", "up")
    tensors = {t.name: t for t in (*(tensor(n, 6, 8) for n in names), tensor("both", 6, 16), tensor("out", 6, 8))}
    tensors |= changes
    calls = [
        call("conv", ["in"], ["skip"], BOTH),
        call("pool", ["skip"], ["low"], BOTH if readers_step_over else ()),
        call("resize", ["low"], ["up"], ("output_pitch",)),
        call("concat", ["up", "skip"], ["both"], concatenates=(8, 8)),
        call("conv", ["both"], ["out"], BOTH),
    ]
    return network(calls, list(tensors.values()), ["in"], ["out"])


def test_parts_side_by_side() -> None:
    joined = in_place_concat.without_copies(skip(), ["both"])
    assert [c.function for c in joined.calls] == ["conv", "pool", "resize", "conv"]
    assert [dict(c.params.flat()) for c in joined.calls[:3]] == [
        {"input_pitch": 0, "output_pitch": 16},
        {"input_pitch": 16, "output_pitch": 0},
        {"output_pitch": 16},
    ]
    parts = [joined.tensors[name] for name in ("up", "skip")]
    assert [(t.alias_of, t.alias_offset, t.pitch) for t in parts] == [("both", 0, 16), ("both", 8, 16)]


def test_a_join_in_a_join() -> None:
    tensors = [tensor(n, 5, 4) for n in "abc"] + [tensor("ab", 5, 8), tensor("abc", 5, 12), tensor("out", 5, 1)]
    calls = [call(n, [], [n], BOTH) for n in "abc"]
    calls += [concat(tensors, ["a", "b"], "ab"), concat(tensors, ["ab", "c"], "abc"), call("f", ["abc"], ["out"])]
    net = network(calls, tensors, [], ["out"])
    assert in_place_concat.candidates(net) == ["ab", "abc"]
    joined = in_place_concat.without_copies(net, ["ab", "abc"])
    assert [c.function for c in joined.calls] == ["a", "b", "c", "f"]
    assert {n: joined.tensors[n].pitch for n in ("a", "b", "ab", "c", "abc")} == {
        **dict.fromkeys(("a", "b", "ab", "c"), 12),
        "abc": 0,
    }
    assert graph.build(joined.calls, joined.tensors.values(), *joined.ports).spans["b"] == Span("abc", 4, 56, 4, 12)


def test_a_join_of_nothing_but_joins() -> None:
    tensors = [tensor(n, 5, 4) for n in "abcd"] + [tensor(n, 5, 8) for n in ("ab", "cd")] + [tensor("all", 5, 16)]
    calls = [call(n, [], [n], BOTH) for n in "abcd"]
    calls += [concat(tensors, list(two), two) for two in ("ab", "cd")] + [concat(tensors, ["ab", "cd"], "all")]
    joined = in_place_concat.without_copies(
        net := network(calls, tensors, [], ["all"]), in_place_concat.candidates(net)
    )
    assert [c.function for c in joined.calls] == list("abcd")
    assert {joined.tensors[n].pitch for n in ("a", "d", "ab", "cd")} == {16}


def test_vectors_one_behind_the_other_need_no_pitch() -> None:
    tensors = [tensor(n, 1, size) for n, size in (("in", 4), ("a", 16), ("b", 8), ("ab", 24), ("out", 4))]
    calls = [call("f", ["in"], ["a"]), call("g", ["in"], ["b"], alignment=16), concat(tensors, ["a", "b"], "ab")]
    net = network([*calls, call("h", ["ab"], ["out"])], tensors, ["in"], ["out"])
    assert [in_place_concat.without_copies(net, ["ab"]).tensors[n].alias_offset for n in "ab"] == [0, 16]
    picky = network(
        [replace(calls[0], alignment=16), *calls[1:2], concat(tensors, ["b", "a"], "ab")], tensors, [], ["ab"]
    )
    assert in_place_concat.candidates(picky) == []  # "a" would begin at byte 8


@pytest.mark.parametrize(
    "net",
    [
        skip(readers_step_over=False),
        skip(skip=Tensor("skip", (6, 2, 4), "int8")),
        network([concat([X := tensor("x", 2, 3)], ["x", "x"], "y")], [X, tensor("y", 2, 6)], ["x"], ["y"]),
    ],
    ids=["a reader cannot step over", "a part has other rows", "one part twice, and an input"],
)
def test_what_must_be_copied(net: CallNetwork) -> None:
    assert in_place_concat.candidates(net) == []


@pytest.mark.parametrize(("size", "is_copied"), [(4, False), (400, True)])
def test_what_lives_too_long_is_copied(size: int, is_copied: bool) -> None:
    """The result would be there while "t" is, which may be large; where it is copied, only the small part is."""
    sizes = {"in": 8, "a": 16, "t": size, "b": 160, "ab": 176, "o": 8}
    tensors = [tensor(name, 2, row) for name, row in sizes.items()]
    calls = [
        call("f", ["in"], ["a"], BOTH),
        call("g", ["in"], ["t"]),
        call("h", ["t"], ["b"], BOTH),
        concat(tensors, ["a", "b"], "ab"),
        call("k", ["ab"], ["o"]),
    ]
    plan = planner.run(calls, tensors, [Port("in", "in")], [Port("o", "o")], "generic", "affine")
    assert any(c.function == "concat" for c in plan.calls) == is_copied
    assert bool(plan.tensor("a").pitch) != is_copied


@given(st.tuples(*[st.tuples(st.integers(0, 20), st.integers(1, 4), st.integers(1, 5), st.integers(0, 4))] * 2))
@settings(deadline=None, max_examples=300, derandomize=True, database=None)
def test_overlap_is_never_missed(drawn: tuple) -> None:
    spans, touched = [], []
    for start, rows, row, gap in drawn:
        spans.append(
            Span("r", start, start + (rows - 1) * (row + gap) + row, row if gap else 0, row + gap if gap else 0)
        )
        memory = np.zeros(64, np.uint8)
        spans[-1].of(memory)[...] = 1
        touched.append({*np.flatnonzero(memory)})
        assert len(touched[-1]) == (rows * row if gap else spans[-1].stop - start)
    if spans[0].pitch == spans[1].pitch or touched[0] & touched[1]:
        assert spans[0].overlaps(spans[1]) == bool(touched[0] & touched[1])
