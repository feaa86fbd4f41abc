# SPDX-License-Identifier: CC0-1.0
"""espdl_image.h: the C equals its twin in numpy integer for integer, the twin Pillow to one level."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from espdl import image
from espdl.image import ImageInput

ROOT = Path(__file__).resolve().parents[3]
OK, NULL_ARGUMENT = 0, 1
FORMATS = (image.GREY, image.RGB565_LE, image.RGB565_BE, image.RGB888, image.BGR888, image.YUYV, image.UYVY)
BYTES = {image.GREY: 1, image.RGB888: 3, image.BGR888: 3}
DTYPES = {"int8": 0, "uint8": 1, "int16": 3, "uint16": 4, "float32": 8}
PAGE = mmap.PAGESIZE


class Frame(ctypes.Structure):
    _fields_ = [
        ("pixels", ctypes.c_void_p), ("bytes", ctypes.c_size_t), ("format", ctypes.c_int), ("width", ctypes.c_int32),
        ("height", ctypes.c_int32), ("stride", ctypes.c_int32), ("first_row", ctypes.c_int32), ("rows", ctypes.c_int32),
    ]  # fmt: skip


class Crop(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("x", "y", "width", "height")]


class Input(ctypes.Structure):
    _fields_ = [
        ("width", ctypes.c_int32), ("height", ctypes.c_int32), ("channels", ctypes.c_int32),
        ("channels_first", ctypes.c_bool), ("blue_first", ctypes.c_bool), ("dtype", ctypes.c_uint8),
        ("multiplier", ctypes.c_int32 * 3), ("addend", ctypes.c_int64 * 3),
    ]  # fmt: skip


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_int32)), ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32), ("offset", ctypes.c_uint32), ("bytes", ctypes.c_uint32),
        ("rank", ctypes.c_uint8), ("dtype", ctypes.c_uint8), ("alignment", ctypes.c_uint8), ("by_rows", ctypes.c_uint8),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("image") / "image.so"
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
    checks = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    sources = [str(ROOT / "src" / "image.c"), f"-I{ROOT / 'include'}", "-lm"]
    subprocess.run(["gcc", "-std=c11", "-O2", *warnings, *checks, "-shared", "-fPIC", *sources, "-o", path], check=True)
    return ctypes.CDLL(str(path))


class Guarded:
    """Bytes at the very end of a page before one that nobody may touch."""

    def __init__(self, size: int):
        pages = -(-size // PAGE) * PAGE
        self.map = mmap.mmap(-1, pages + PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        libc = ctypes.CDLL(None)
        assert libc.mprotect(ctypes.c_void_p(start + pages), ctypes.c_size_t(PAGE), 0) == 0
        self.address = start + pages - size
        self.values = np.frombuffer(self.map, np.uint8, size, pages - size)


def target_of(given: ImageInput) -> Input:
    numbers = (ctypes.c_int32 * 3)(*given.multiplier), (ctypes.c_int64 * 3)(*given.addend)
    return Input(
        given.width, given.height, given.channels, given.channels_first, given.blue_first, DTYPES[given.dtype], *numbers
    )


@st.composite
def frames(draw: st.DrawFn) -> tuple[np.ndarray, int, int]:
    """(rows of bytes, format, width): odd sizes, rows with bytes between them."""
    kind = draw(st.sampled_from(FORMATS))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 24))
    width += width % 2 if kind in (image.YUYV, image.UYVY) else 0
    stride = width * BYTES.get(kind, 2) + draw(st.sampled_from([0, 0, 1, 7]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few = draw(st.booleans())  # levels far from each other
    values = random.choice([0, 255], (height, stride)) if few else random.integers(0, 256, (height, stride))
    return values.astype(np.uint8), kind, width


@st.composite
def crops(draw: st.DrawFn, width: int, height: int) -> tuple[int, int, int, int] | None:
    if draw(st.booleans()):
        return None
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y))


@st.composite
def targets(draw: st.DrawFn) -> ImageInput:
    return ImageInput(
        width=draw(st.integers(1, 30)),
        height=draw(st.integers(1, 30)),
        channels=draw(st.sampled_from([1, 3])),
        dtype=draw(st.sampled_from(sorted(DTYPES))),
        channels_first=draw(st.booleans()),
        blue_first=draw(st.booleans()),
        multiplier=draw(st.lists(st.integers(1, 2**31 - 1), min_size=3, max_size=3)),
        addend=draw(st.lists(st.integers(-(2**40), 2**40), min_size=3, max_size=3)),
    )


@given(st.data(), frames(), targets(), st.sampled_from([image.NEAREST, image.BILINEAR]))
@settings(deadline=None)
def test_equals_its_twin(
    library: ctypes.CDLL, data: st.DataObject, frame: tuple, target: ImageInput, kind: int
) -> None:
    """Between forbidden pages, as a whole and by rows."""
    rows, pixel_format, width = frame
    crop = data.draw(crops(width, len(rows)))
    expected = image.convert(rows, pixel_format, width, crop, kind, target)
    memory = Guarded(rows.size - (rows.shape[1] - width * BYTES.get(pixel_format, 2)))
    memory.values[:] = rows.reshape(-1)[: len(memory.values)]
    given_frame = Frame(memory.address, len(memory.values), pixel_format, width, len(rows), rows.shape[1], 0, 0)
    part = None if crop is None else ctypes.byref(Crop(*crop))
    made, out = target_of(target), Guarded(expected.nbytes)
    arguments = ctypes.byref(given_frame), part, kind, ctypes.byref(made)
    assert library.espdl_image_convert(*arguments, ctypes.c_void_p(out.address)) == OK
    assert np.array_equal(out.values.view(expected.dtype), expected.reshape(-1))
    if target.channels_first and target.channels > 1:
        return
    first = data.draw(st.integers(0, target.height - 1))
    count = data.draw(st.integers(1, target.height - first))
    some = expected.reshape(target.height, -1)[first : first + count]
    out = Guarded(some.nbytes)
    place = ctypes.c_void_p(out.address)
    assert library.espdl_image_convert_rows(*arguments, first, count, place) == OK
    assert np.array_equal(out.values.view(expected.dtype), some.reshape(-1))


@given(frames(), st.sampled_from([1, 3]))
@settings(deadline=None)
def test_colours_are_pillows_to_one_level(frame: tuple, channels: int) -> None:
    rows, kind, width = frame
    expected = np.asarray(_in_pillow(pytest.importorskip("PIL.Image"), rows, kind, width, channels), np.int64)
    got = image.levels(rows, kind, width, channels)
    assert np.abs(got - expected.reshape(got.shape)).max() <= 1


@given(st.data(), frames(), st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3]), st.booleans())
@settings(deadline=None)
def test_sizes_are_pillows_to_one_level(
    data: st.DataObject, frame: tuple, width: int, height: int, channels: int, is_nearest: bool
) -> None:
    """Of pictures with the same levels."""
    pillow = pytest.importorskip("PIL.Image")
    rows, kind, columns = frame
    crop = data.draw(crops(columns, len(rows))) or (0, 0, columns, len(rows))
    levels = image.levels(rows, kind, columns, channels).astype(np.uint8)
    picture = pillow.fromarray(levels if channels == 3 else levels[..., 0])
    picture = picture.crop((crop[0], crop[1], crop[0] + crop[2], crop[1] + crop[3]))
    affine = (crop[2] / width, 0, 0, 0, crop[3] / height, 0)
    how = pillow.Resampling.NEAREST if is_nearest else pillow.Resampling.BILINEAR
    resized = picture.transform((width, height), pillow.Transform.AFFINE, affine, how)
    expected = np.asarray(resized, np.int64).reshape(height, width, channels)
    image_filter = image.NEAREST if is_nearest else image.BILINEAR
    got = image.convert(rows, kind, columns, crop, image_filter, ImageInput(width, height, channels)).astype(np.int64)
    if is_nearest:  # where a middle lies between two pixels, Pillow's float may find the other one
        rows_apart, columns_apart = _apart(height, crop[3]), _apart(width, crop[2])
        got, expected = (values[rows_apart][:, columns_apart] for values in (got, expected))
    assert np.abs(got - expected).max(initial=0) <= 1


def _apart(size: int, length: int) -> np.ndarray:
    """Whether the middle of each of `size` pixels lies inside of one of `length`."""
    return (2 * np.arange(size) + 1) * length % (2 * size) != 0


def _in_pillow(pillow, rows: np.ndarray, kind: int, width: int, channels: int):
    size, used = (width, len(rows)), np.ascontiguousarray(rows[:, : width * BYTES.get(kind, 2)])
    if kind == image.GREY:
        picture = pillow.frombytes("L", size, used.tobytes())
    elif kind in (image.RGB565_LE, image.RGB565_BE):
        pairs = used.reshape(-1, 2)
        little = pairs if kind == image.RGB565_LE else pairs[:, ::-1]
        picture = pillow.frombytes("RGB", size, np.ascontiguousarray(little).tobytes(), "raw", "BGR;16")
    elif kind in (image.RGB888, image.BGR888):
        picture = pillow.frombytes("RGB", size, used.tobytes(), "raw", "RGB" if kind == image.RGB888 else "BGR")
    else:
        pairs = used.reshape(len(rows), -1, 4)
        order = [0, 2, 1, 3] if kind == image.YUYV else [1, 3, 0, 2]
        y = pairs[..., order[:2]].reshape(len(rows), width)
        if channels == 1:
            return pillow.fromarray(np.ascontiguousarray(y), "L")
        u, v = (np.repeat(pairs[..., at], 2, axis=1) for at in order[2:])
        planes = [pillow.fromarray(np.ascontiguousarray(plane), "L") for plane in (y, u, v)]
        picture = pillow.merge("YCbCr", planes).convert("RGB")
    return picture.convert("L" if channels == 1 else "RGB")


def _frame(**changes: int) -> tuple[Frame, np.ndarray]:
    values = np.zeros(64 * 48 * 2, np.uint8)
    fields = {"bytes": len(values), "format": image.RGB565_LE, "width": 64, "height": 48, "stride": 0, **changes}
    return Frame(pixels=values.ctypes.data, **fields), values


BAD = [
    {"format": 7}, {"width": 0}, {"height": -1}, {"width": 16385}, {"stride": 127}, {"stride": -128},
    {"stride": 130}, {"bytes": 6143}, {"width": 63, "format": image.YUYV}, {"width": 63, "format": image.UYVY},
    {"first_row": 1, "rows": 48}, {"first_row": -1, "rows": 48}, {"first_row": 0, "rows": 40},
    {"first_row": 5, "rows": 43}, {"rows": -1},
]  # fmt: skip


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_refuses_frames(library: ctypes.CDLL, changes: dict[str, int]) -> None:
    assert _converted(library, None, **changes) not in (OK, NULL_ARGUMENT)


@given(st.integers(-9, 70), st.integers(-9, 70), st.integers(-9, 70), st.integers(-9, 70))
@example(2**31 - 1, 0, 2, 1)
@example(0, 0, 2**31 - 1, 2**31 - 1)
@settings(deadline=None)
def test_refuses_crops_that_leave_the_frame(library: ctypes.CDLL, x: int, y: int, width: int, height: int) -> None:
    inside = 0 <= x and 0 <= y and width > 0 and height > 0 and x + width <= 64 and y + height <= 48
    assert (_converted(library, Crop(x, y, width, height)) == OK) == inside


def _converted(library: ctypes.CDLL, crop: Crop | None, **changes: int) -> int:
    frame, values = _frame(**changes)
    made, out = target_of(ImageInput(8, 6, 3)), np.full(8 * 6 * 3, 9, np.uint8)
    part = None if crop is None else ctypes.byref(crop)
    status = library.espdl_image_convert(
        ctypes.byref(frame), part, image.BILINEAR, ctypes.byref(made), ctypes.c_void_p(out.ctypes.data)
    )
    assert len(values) and (status == OK or (out == 9).all())
    return status


def test_lines_as_they_come(library: ctypes.CDLL) -> None:
    """Two rows in memory at a time are enough where the frame's rows come one by one."""
    rows = np.random.default_rng(3).integers(0, 256, (30, 40 * 2)).astype(np.uint8)
    target, crop = ImageInput(9, 11, 1), (3, 2, 31, 25)
    expected = image.convert(rows, image.RGB565_BE, 40, crop, image.BILINEAR, target)
    made, part = target_of(target), Crop(*crop)
    for row in range(target.height):
        last = library.espdl_image_last_row(ctypes.byref(part), image.BILINEAR, ctypes.byref(made), row)
        first = max(last - 1, 0)
        window = np.ascontiguousarray(rows[first : last + 1])
        frame = Frame(window.ctypes.data, window.size, image.RGB565_BE, 40, 30, 80, first, len(window))
        out = np.zeros(9, np.uint8)
        place = ctypes.c_void_p(out.ctypes.data)
        arguments = ctypes.byref(frame), ctypes.byref(part), image.BILINEAR, ctypes.byref(made), row, 1, place
        assert library.espdl_image_convert_rows(*arguments) == OK
        assert np.array_equal(out, expected[row, :, 0])


@given(st.data(), st.sampled_from(["int8", "uint8", "int16", "float32"]), st.booleans(), st.sampled_from([1, 3]))
@settings(deadline=None)
def test_stores_what_the_model_wants(
    library: ctypes.CDLL, data: st.DataObject, dtype: str, channels_first: bool, channels: int
) -> None:
    """(level - mean) / deviation, quantised as the input is: to half a step and what 16 bits behind the point leave."""
    mean = [data.draw(st.floats(0, 255, width=32)) for _ in range(3)]
    sign = data.draw(st.sampled_from([1, -1]))
    deviation = [sign * data.draw(st.floats(0.25, 255, width=32)) for _ in range(3)]
    scale = data.draw(st.floats(2**-8, 4, width=32)) * (2**-8 if dtype == "int16" else 1)
    assume(65536 / (scale * np.abs(deviation).min()) < 2**31)
    zero_point = data.draw(st.integers(-128, 127)) if dtype == "int8" else 0
    shape = (ctypes.c_int32 * 4)(*((1, channels, 5, 7) if channels_first else (1, 5, 7, channels)))
    tensor = Tensor(b"x", shape, scale if dtype != "float32" else 0, zero_point, 0, 0, 4, DTYPES[dtype], 0, 0)
    made = Input()
    floats = [(ctypes.c_float * 3)(*numbers) for numbers in (mean, deviation)]
    assert library.espdl_image_input(ctypes.byref(made), ctypes.byref(tensor), *floats) == OK
    assert (made.width, made.height, made.channels, made.channels_first) == (7, 5, channels, channels_first)
    known = ImageInput(16, 16, channels, dtype, False, False, list(made.multiplier), list(made.addend))
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    got = image.convert(levels, image.GREY, 16, None, image.NEAREST, known).astype(np.float64)
    real = (levels[..., np.newaxis] - np.array(mean[:channels])) / np.array(deviation[:channels])
    if dtype == "float32":
        assert np.allclose(got, real, rtol=1e-4, atol=255 / 65536)
        return
    limits = np.iinfo(dtype)
    exact = np.clip(real / scale + zero_point, limits.min, limits.max)
    assert np.abs(got - exact).max() <= 0.5 + 256 / 65536
