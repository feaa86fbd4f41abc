# SPDX-License-Identifier: CC0-1.0
"""Values and names as C text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from espdl.emit import c_text
from espdl.errors import EspdlError

texts = st.one_of(st.text(max_size=200), st.text("*/\\?\"%{}<>\n\r\0 ab'", max_size=120))


@given(texts)
@example("*/ int x; /*")
@example("a??/\n")
@example("é" * 10_000)
def test_comment_cannot_end(text: str) -> None:
    shown = c_text.comment(text)
    assert len(shown) <= 80
    assert re.fullmatch(r"[ -~]*", shown)
    assert "*" not in shown
    assert "\\" not in shown
    assert "?" not in shown


@given(texts)
@example('"; exit(1); "')
@example("??/")
@example("trailing \\")
def test_string_cannot_end(text: str) -> None:
    shown = c_text.string(text)
    assert re.fullmatch(r'"([^"\\?]|\\["\\?])*"', shown)
    assert "??" not in shown
    plain = re.sub(r"\\(.)", r"\1", shown[1:-1])
    assert plain == c_text.printable(text)
    assert len(plain) <= 80


@given(st.lists(texts, max_size=6))
@example(["a", "A", "a_2", "", "0", "int", "é", "x" * 100, "x" * 101])
def test_identifiers(names: list[str]) -> None:
    found = c_text.identifiers(names)
    assert len(found) == len(names)
    assert len({f.upper() for f in found}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,45}", f) for f in found)


def test_identifiers_are_readable() -> None:
    assert c_text.identifiers(["image", "input.1", "serving_default_x:0", "/head/Out", "IMAGE"]) == [
        "image",
        "input_1",
        "serving_default_x_0",
        "head_Out",
        "IMAGE_2",
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.0)
@example(-0.0)
@example(1e-45)
@example(3.4028234663852886e38)
@example(1e300)
@example(16777217.0)
def test_real_is_exact(value: float) -> None:
    text = c_text.real(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f?", text)
    assert "." in text or "e" in text
    back = np.float32(text[:-1]) if text.endswith("f") else np.float64(text)
    assert np.float64(back).tobytes() == np.float64(value).tobytes()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_is_written_as_float(value: float) -> None:
    assert c_text.real(value).endswith("f")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-7, "-7"),
        (-(2**31), "INT32_MIN"),
        (2**31, "2147483648u"),
        (-(2**63), "INT64_MIN"),
        (2**40, "INT64_C(1099511627776)"),
        (True, "true"),
        ((1, -(2**31)), "{1, INT32_MIN}"),
        (((1, 2), (3, 4)), "{{1, 2}, {3, 4}}"),
        ("ESPDL_ROUND_TFLITE", "ESPDL_ROUND_TFLITE"),
        (0.5, "0.5f"),
        (float("inf"), "INFINITY"),
        (float("nan"), "NAN"),
        (np.int32(3), "3"),
        (np.float32(0.25), "0.25f"),
    ],
)
def test_literal(value: object, text: str) -> None:
    assert c_text.literal(value) == text


@pytest.mark.parametrize("value", ["a b", "x; y", "", "é", 2**64])
def test_literal_refuses(value: object) -> None:
    with pytest.raises(ValueError):
        c_text.literal(value)


BAD_NAMES = ["", "1net", "my-net", "int", "class", "not_eq", "nét", "a b", 'x"', "espdl", "espdl_x", "net\n"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_model_names(name: str) -> None:
    with pytest.raises(EspdlError, match="--name"):
        c_text.check_model_name(name)


@pytest.mark.parametrize("name", ["net", "Net_2", "_x", "integer"])
def test_good_model_names(name: str) -> None:
    c_text.check_model_name(name)


def test_fill() -> None:
    lines = c_text.fill([f".field_{i} = {i}" for i in range(40)], "    ").splitlines()
    assert all(len(line) <= 110 and line.startswith("    .field_") and line.endswith(",") for line in lines)
    assert sum(line.count(",") for line in lines) == 40
