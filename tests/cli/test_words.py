"""The words of the command line: its options, not the library's arguments, and nothing that commands a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import nanobanana
import pytest
from nanobanana import (
    APITimeoutError,
    ConfigurationError,
    InvalidRequestError,
    NanoBananaError,
    RateLimitError,
)
from nanobanana.cli.words import in_options, printable, told

FACADE = Path(str(nanobanana.__file__)).parent
_PYTHON = re.compile(r"\b[a-z_]+=(?:\.\.\.|True|False|'[a-z]*'|\[picture\])|\.save_body|\bfrom_url\(|error\.image")


def _strings() -> set[str]:
    """Every string of the library, below the command line, that speaks of an argument."""
    found = set()
    for path in FACADE.rglob("*.py"):
        if path.relative_to(FACADE).parts[0] in ("cli", "client.py"):
            continue
        for text in re.findall(r'f?"((?:[^"\\\n]|\\.)*)"', path.read_text("utf-8")):
            if _PYTHON.search(text) and " " in text and not text.startswith("{"):
                found.add(text)
    return found


def test_there_is_something_to_translate() -> None:
    """The library does speak of its arguments."""
    assert len(_strings()) >= 8


@pytest.mark.parametrize("text", sorted(_strings()))
def test_no_word_of_the_library_is_left(text: str) -> None:
    """Whatever the library says of an argument is said of an option, or not at all."""
    assert not _PYTHON.search(in_options(text)), in_options(text)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (APITimeoutError("no complete answer came within 3 s"), "Give it more time (--timeout): 300 s, for 4K 600 s."),
        (InvalidRequestError("aspect_ratio is '5:4'; accepted are 1:1", param="aspect_ratio"), "--aspect-ratio is '5:4'"),
        (InvalidRequestError("image_size is '9K'; accepted are 1K", param="image_size"), "--size is '9K'"),
        (ConfigurationError("there is no API key", advice="Set INFINITYBLUE_API_KEY or pass api_key=...; keys come"),
         "Set INFINITYBLUE_API_KEY or give --api-key-file FILE; keys come"),
    ],
)  # fmt: skip
def test_an_error_speaks_of_options(error: NanoBananaError, words: str) -> None:
    """What went wrong is told in the words of whoever typed the command."""
    assert words in told(error)


def test_how_long_to_wait_and_until_when() -> None:
    """A rate limit says how many seconds to wait, and at what time they are over."""
    words = told(RateLimitError("slow down", status_code=429, retry_after=200.0))
    assert re.search(r"Wait 200 s, until \d\d:\d\d:\d\d, and try again", words)


def test_nothing_is_said_of_sending_where_nothing_could_be_sent() -> None:
    """A command that only reads files does not say that nothing was sent."""
    assert told(InvalidRequestError("it is none"), sends=False) == "it is none."


@pytest.mark.parametrize("text", ["\x1b]52;c;cm0=\x07", "\x9b31m", "a\u202eb", "\ud83d", "\r", "\x7f"])
def test_what_commands_a_terminal_is_replaced(text: str) -> None:
    """Escape sequences, control and direction characters and halves of letters never reach a terminal."""
    assert "\N{REPLACEMENT CHARACTER}" in printable(text)
    assert printable(text).isprintable()


def test_lines_and_letters_stay() -> None:
    """Line breaks, tabs and letters of all scripts are left as they are."""
    assert printable("画一只猫\n\tKöln 🐈") == "画一只猫\n\tKöln 🐈"
