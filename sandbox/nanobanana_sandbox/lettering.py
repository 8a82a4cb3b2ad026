"""Lettering: words of any script, wrapped into a box, as large as they fit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

import weblate_fonts
from attrs import frozen
from PIL import ImageDraw, ImageFont

_MISSING = "\uffff"
_MEASURED = 100  # pixels of the letters that are measured; lines are wrapped by arithmetic from there
_LINE = 1.3  # of the size
_MOST = 12_000  # letters: more than the smallest ones that fit any box
_SLACK = 0.97  # of the room: hinted letters are a little wider than their measure says

_BASE = "KurintoSans-Rg"
_CHINESE = ("KurintoSansSC-Rg", "KurintoSansTC-Rg")
_JAPANESE = "KurintoSansJP-Rg"
_KOREAN = "KurintoSansKR-Rg"

_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
# Han, kana, Hangul and their punctuation: set in a font of their own, and broken between any two letters.
_IDEOGRAPH = re.compile(
    "[\u1100-\u11ff\u2e80-\u31ff\u3200-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)


@frozen
class _Piece:
    """What is not broken: a word, or a letter of a script without spaces. Its width is that at _MEASURED pixels."""

    text: str
    face: str
    width: float
    after_space: bool


@frozen
class Run:
    """A stretch of a line in one font, and how far from the line's beginning it stands."""

    text: str
    face: str
    offset: float


@lru_cache(maxsize=128)
def font(size: float, face: str = _BASE) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels, shaped by raqm where Pillow has it."""
    path = resources.files(weblate_fonts) / "static" / "weblate_fonts" / "kurinto" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(str(path), max(6, round(size)))


def fitting(text: str, room: float, size: float) -> ImageFont.FreeTypeFont:
    """The font in which a line of text is no wider than the room."""
    return font(size * min(1.0, room / font(size).getlength(text)))


def write(
    draw: ImageDraw.ImageDraw, text: str, box: tuple[float, float, float, float], largest: float, smallest: float
) -> None:
    """The text in white, as large as it fits into the box; what does not fit in the smallest letters is left out."""
    left, top, right, bottom = box
    words = " ".join(text[: 2 * _MOST].split())
    pieces = _Pieces(words[:_MOST], is_cut=len(text) > 2 * _MOST or len(words) > _MOST)
    size = largest
    while True:
        room, lines_there_are = (right - left) * _SLACK, max(1, int((bottom - top) / (size * _LINE)))
        lines, is_whole = _wrapped(pieces, room * _MEASURED / size, lines_there_are)
        if is_whole or size <= smallest:
            break
        size = max(smallest, size * 0.88)
    if not is_whole and lines[-1]:
        last = lines[-1].pop()
        lines[-1].append(Run(f"{last.text} ...", last.face, last.offset))
    is_rightward = _is_right_to_left(words)
    for number, line in enumerate(lines):
        baseline = top + (number + 0.95) * size * _LINE
        width = line[-1].offset + font(_MEASURED, line[-1].face).getlength(line[-1].text) if line else 0
        start = right - width * size / _MEASURED if is_rightward else left
        for run in line:
            place = (start + run.offset * size / _MEASURED, baseline)
            draw.text(place, run.text, font=font(size, run.face), fill="white", anchor="ls")


class _Pieces:
    """The pieces of a text, measured when they are asked for: of a long text only those that a box has room for."""

    def __init__(self, words: str, *, is_cut: bool) -> None:
        self._known: list[_Piece] = []
        self._coming = _pieces(words + ("..." if is_cut else ""))

    def __iter__(self) -> Iterator[_Piece]:
        at = 0
        while True:
            if at == len(self._known):
                piece = next(self._coming, None)
                if piece is None:
                    return
                self._known.append(piece)
            yield self._known[at]
            at += 1


def _pieces(words: str) -> Iterator[_Piece]:
    faces = _faces(words)
    for word in words.split(" "):
        after_space = True
        for text, face in _stretches(word, faces):
            yield _Piece(text, face, font(_MEASURED, face).getlength(text), after_space)
            after_space = False


def _stretches(word: str, faces: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A word in pieces of one font each; letters of scripts without spaces, and code points, stand alone."""
    gathered, current = "", ""
    for letter in word:
        joins = bool(gathered) and unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf")
        face = current if joins else _face(letter, faces)
        begins = not joins and (face != current or bool(_IDEOGRAPH.match(letter)))
        if gathered and begins:
            yield gathered, current
            gathered = ""
        if face:
            gathered, current = gathered + letter, face
        else:
            yield f"[{ord(letter):X}]", _BASE
    if gathered:
        yield gathered, current


def _faces(words: str) -> tuple[str, ...]:
    """The fonts for ideographs, the likeliest first: kana mark Japanese, Hangul Korean, and Chinese is left."""
    if _KANA.search(words):
        return (_JAPANESE, *_CHINESE, _KOREAN)
    if _HANGUL.search(words):
        return (_KOREAN, *_CHINESE, _JAPANESE)
    return (*_CHINESE, _JAPANESE, _KOREAN)


@lru_cache(maxsize=65_536)
def _face(letter: str, faces: tuple[str, ...]) -> str:
    """The first font that has the letter, or an empty string."""
    order = (*faces, _BASE) if _IDEOGRAPH.match(letter) else (_BASE, *faces)
    return next((face for face in order if _has_glyph(letter, face)), "")


def _has_glyph(letter: str, face: str) -> bool:
    return letter.isspace() or _mask(letter, face) != _mask(_MISSING, face)


@lru_cache(maxsize=256)
def _mask(letter: str, face: str) -> bytes:
    return bytes(font(20, face).getmask(letter))


def _wrapped(pieces: _Pieces, room: float, most: int) -> tuple[list[list[Run]], bool]:
    """Lines no wider than the room, in measured pixels, and whether all the text is in them."""
    space = font(_MEASURED).getlength(" ")
    lines: list[list[Run]] = [[]]
    end = 0.0
    for piece in pieces:
        gap = space if piece.after_space and lines[-1] else 0.0
        if lines[-1] and end + gap + piece.width > room:
            if len(lines) == most:
                return lines, False
            lines.append([])
            end = gap = 0.0
        for text, width in _broken(piece, room):
            if end and end + gap + width > room:
                if len(lines) == most:
                    return lines, False
                lines.append([])
                end = gap = 0.0
            _append(lines[-1], Run(text, piece.face, end + gap), joined=" " if gap else "")
            end += gap + width
            gap = 0.0
    return lines, True


def _append(line: list[Run], run: Run, joined: str) -> None:
    """Adds to the line, in one run with what is before in the same font: a run is shaped and ordered as a whole."""
    if line and line[-1].face == run.face:
        line[-1] = Run(line[-1].text + joined + run.text, run.face, line[-1].offset)
    else:
        line.append(run)


def _broken(piece: _Piece, room: float) -> Iterator[tuple[str, float]]:
    """The piece, or, if it is wider than a line, pieces of it that are not."""
    if piece.width <= room:
        yield piece.text, piece.width
        return
    used, begin = 0.0, 0
    for at, letter in enumerate(piece.text):
        width = _width(letter, piece.face)
        if at > begin and used + width > room:
            yield piece.text[begin:at], used
            used, begin = 0.0, at
        used += width
    yield piece.text[begin:], used


@lru_cache(maxsize=65_536)
def _width(letter: str, face: str) -> float:
    return font(_MEASURED, face).getlength(letter)


def _is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction has that one."""
    for letter in text:
        match unicodedata.bidirectional(letter):
            case "L":
                return False
            case "R" | "AL":
                return True
    return False
