"""Painter: pictures of the documented size, with the words of any prompt, in bounded memory and time."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import nanobanana_sandbox as package
import pytest
from nanobanana_sandbox import lettering
from nanobanana_sandbox.contract import document
from nanobanana_sandbox.painter import Commission, paint
from nanobanana_sandbox.size import pixels
from PIL import Image, ImageChops, ImageDraw

from .asking import NATIVE, asking, post

WORDS = {
    "Chinese": "画一只坐在屋顶上的猫，月光下",
    "Japanese": "雪の中で眠る赤い狐、柔らかい朝の光",
    "Korean": "눈 속에서 잠자는 붉은 여우",
    "Arabic": "ثعلب أحمر نائم في الثلج",
    "Hebrew": "שועל אדום ישן בשלג",
    "Hindi": "बर्फ में सोती हुई लाल लोमड़ी",
    "Thai": "จิ้งจอกแดงหลับอยู่ในหิมะ",
    "Russian": "Рыжая лиса спит в снегу",
    "Greek": "Μια κόκκινη αλεπού",
    "Vietnamese": "Một con cáo đỏ ngủ trong tuyết",
}


def _size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def test_documented_sizes() -> None:
    """Each ratio and size of the contract's table is painted in the pixels that stand there."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in document()["components"]["schemas"]["ImageSize"]["description"].splitlines()
        if line.strip().startswith("|") and "---" not in line
    ]
    sizes = rows[0][1:]
    assert len(rows) > 3
    for ratio, *cells in rows[1:]:
        for size, cell in zip(sizes, cells, strict=True):
            assert "{}x{}".format(*pixels(ratio, size)) == cell


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        ("1:1", "512", (512, 512)), ("1:1", "0.5K", (512, 512)), ("1:1", "auto", (1024, 1024)), ("auto", "1K", (1024, 1024)),
        ("", "", (1024, 1024)), ("16:9", "512", (688, 384)), ("0:0", "0K", (1024, 1024)), ("1.91:1", "1K", (1440, 752)),
        ("1:1", "1.5k", (1536, 1536)),
    ],
)  # fmt: skip
def test_sizes_that_no_table_has(ratio: str, size: str, expected: tuple[int, int]) -> None:
    """A size or ratio of another kind is painted as what comes nearest to its meaning."""
    assert pixels(ratio, size) == expected
    assert _size(paint(Commission("Draw", "m", ratio, size), "PNG")) == expected


@pytest.mark.parametrize(
    ("ratio", "size"), [("1:1", "999999K"), ("9999:1", "4K"), ("1:9999", "64K"), ("1:1", "999999")]
)
def test_no_value_makes_a_picture_without_bounds(ratio: str, size: str) -> None:
    """Whatever a contract may list one day, a picture stays within 8K."""
    width, height = pixels(ratio, size)
    assert min(width, height) >= 16
    assert width * height <= 8192 * 8192 + 32_768


@pytest.mark.parametrize("script", WORDS)
def test_words_of_a_script_are_drawn_in_letters_of_it(script: str) -> None:
    """No word of these scripts comes out as a code point, or as the box that stands for a missing letter."""
    pieces = list(lettering._pieces(WORDS[script]))
    assert "".join(piece.text for piece in pieces) == WORDS[script].replace(" ", "")
    assert all(piece.width > 0 for piece in pieces)


def test_letters_without_glyph_are_written_as_code_points() -> None:
    """Letters that no font has can still be told apart."""
    assert [piece.text for piece in lettering._pieces("café 漢字 a\U0001f600b")] == [
        "café",
        "漢",
        "字",
        "a",
        "[1F600]",
        "b",
    ]


def test_japanese_and_chinese_differ_in_their_letters() -> None:
    """A letter that both write is drawn as Japanese where kana stand beside it, and as Chinese otherwise."""
    assert {piece.face for piece in lettering._pieces("直の")} != {piece.face for piece in lettering._pieces("直")}


def test_arabic_begins_on_the_right() -> None:
    """A prompt that is read from the right stands at the right margin, joined and in order."""

    def inked(text: str) -> tuple[int, int]:
        canvas = Image.new("L", (1000, 200))
        lettering.write(ImageDraw.Draw(canvas), text, (50, 20, 950, 180), 60, 20)
        left, _, right, _ = canvas.getbbox() or (0, 0, 0, 0)
        return left, right

    assert inked("fox")[0] < 80
    assert inked("ثعلب")[1] > 920
    assert inked("16:9 ثعلب")[1] > 920


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        "\x00",
        "\u200d\u200d",
        "\u0301",
        "a" * 3000,
        "字" * 3000,
        "ا" * 3000,
        "👩‍👩‍👧‍👦" * 50,
        "\u202e\u2066abc",
    ],
)
def test_any_text_stays_in_its_box(text: str) -> None:
    """Whatever the text, nothing is drawn to the left, to the right, above or far below its box."""
    canvas = Image.new("L", (800, 400))
    lettering.write(ImageDraw.Draw(canvas), text, (100, 100, 700, 300), 40, 12)
    box = canvas.getbbox() or (100, 100, 100, 100)
    assert box[0] >= 90
    assert box[1] >= 90
    assert box[2] <= 712
    assert box[3] <= 312


def test_time_of_a_long_prompt_is_bounded_by_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what the box holds, more letters take no more work: only as many pieces are measured as there is room for."""
    measured, piece, made = [], lettering._Piece, 0

    def counting(*arguments: Any) -> lettering._Piece:
        nonlocal made
        made += 1
        return piece(*arguments)

    monkeypatch.setattr(lettering, "_Piece", counting)
    for letters in (20_000, 130_000):
        made = 0
        canvas = Image.new("L", (1376, 768))
        lettering.write(ImageDraw.Draw(canvas), ("word " * 30_000)[:letters], (40, 40, 1300, 700), 60, 15)
        measured.append(made)
    assert measured[0] == measured[1]


def test_words_that_do_not_fit_end_in_dots() -> None:
    """Where the box is full the text stops, and says so."""
    lines, is_whole = lettering._wrapped(lettering._Pieces("word " * 500, is_cut=False), 2000, 3)
    assert (len(lines), is_whole) == (3, False)


def test_every_reference_shows(picture: Callable[..., bytes]) -> None:
    """Thirty references all have a thumbnail: another last one gives another picture, in its place only."""
    colours = [f"#{n:02x}80{255 - n:02x}" for n in range(0, 240, 8)]
    pictures = tuple(picture(size=(60, 40), colour=colour) for colour in colours)
    first = paint(Commission("Combine", "m", "16:9", "1K", pictures), "PNG")
    second = paint(
        Commission("Combine", "m", "16:9", "1K", (*pictures[:-1], picture(size=(60, 40), colour="red"))), "PNG"
    )
    with Image.open(io.BytesIO(first)) as one, Image.open(io.BytesIO(second)) as two:
        box = ImageChops.difference(one.convert("RGB"), two.convert("RGB")).getbbox()
    assert box is not None
    assert (box[2] - box[0]) * (box[3] - box[1]) < 1376 * 768 / 50


def test_only_as_many_paint_at_once_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, the large canvases are few; everybody gets a picture."""
    from nanobanana_sandbox import endpoint

    lock, now, most = threading.Lock(), 0, 0

    def counting(commission: Commission, image_format: str) -> bytes:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return paint(commission, image_format)

    monkeypatch.setattr(endpoint, "paint", counting)
    statuses: list[int] = []
    with package.serve() as url:
        threads = [
            threading.Thread(target=lambda at=at: statuses.append(post(url, NATIVE, asking(f"{at}")).status_code))
            for at in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 12
    assert most <= (os.cpu_count() or 1)
