"""Elsewhere: the search of a whole answer for pictures in places that no contract names.

It is the last thing that is done before an answer is said to hold no picture, because people pay again for one that was
overlooked. What is a picture shows by its first bytes, so a place needs no name. The address of one is believed more
slowly: a refusal may link to a page of help.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .._engine.tokens import Blobs
from ..pictures.header import sniff
from ..pictures.remote import Picture
from .findings import Findings
from .values import DATA_URI, decoded, is_known, picture
from .words import parted

_SHORTEST = 40  # characters of Base64 in which a picture, or the token of one, may lie
_HEAD, _HEAD_KEPT = 96, 64  # characters of it that show the type, with white space and without
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{_SHORTEST},}}+={{0,2}}")
_LINES = re.compile(r"[A-Za-z0-9+/_\-=\s]++")
_OPENS, _CLOSES = frozenset("\"'`([{<,;:=>|"), frozenset("\"'`)]}>,;.!<|\\")
# What is said about the request, the filters or sources is not the picture that was drawn.
_ABOUT = re.compile(
    r"error|feedback|grounding|citation|annotation|usage|request|input|prompt|param|payload|reference|signature",
    re.IGNORECASE,
)
_MINOR = re.compile(r"thumb|preview|icon|avatar|logo|mask", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s\"'<>]++", re.IGNORECASE)
_PICTURE_SUFFIX = re.compile(
    r"https?://[^\s?#/]++/[^\s?#]*?\.(?:png|jpe?g|webp|gif|avif|hei[cf])(?:[?#]|$)", re.IGNORECASE
)
_OTHER_SUFFIX = re.compile(r"[^?#]*\.(?:html?|php|pdf|json|txt|md|xml|css|js|svg|mp[34]|zip)(?:[?#]|$)", re.IGNORECASE)
_NAMES_PICTURE = re.compile(r"image|img|picture|photo", re.IGNORECASE)
_NAMES_ADDRESS = re.compile(r"(?:file|download|output|result|media|asset|signed|public)?ur[il]s?", re.IGNORECASE)


class _Place(NamedTuple):
    """A string of the answer, with the name it stands under. is_pictorial: whether a name above it speaks of pictures.
    is_minor: whether one speaks of what goes with a picture."""

    text: str
    name: str
    is_pictorial: bool
    is_minor: bool


def found_in(document: dict[str, Any], blobs: Blobs) -> Findings:
    """What is found in a JSON object of which nothing else is known, not even that it fits the contract."""
    findings = Findings(blobs)
    findings.keep(document)
    search(document, findings)
    return findings


def search(document: Any, findings: Findings) -> None:
    """Adds to the findings whatever in a JSON document is a picture by its bytes; where nothing is, the addresses of
    pictures.

    It takes time in proportion to the length of the document, and follows no address.
    """
    places = list(_places(document))
    for place in sorted(places, key=lambda place: not place.is_minor):  # the final picture comes last
        for found in _embedded(place, findings):
            findings.take(found)
    if findings.has_pictures or findings.is_withheld:
        return
    addresses = [found for place in places for found in _addresses(place)]
    surest = max(addresses, default=(0, ""))[0]
    for sureness, value in addresses:
        if sureness == surest:
            findings.add_picture(value)


def _places(document: Any) -> Iterator[_Place]:
    """The strings of a document in their order, from where a picture may be."""
    waiting: list[tuple[Any, str, bool, bool]] = [(document, "", False, False)]
    while waiting:
        value, name, is_pictorial, is_minor = waiting.pop()
        if isinstance(value, str):
            yield _Place(value, name, is_pictorial, is_minor)
        elif isinstance(value, list):
            waiting += [(entry, name, is_pictorial, is_minor) for entry in reversed(value)]
        elif isinstance(value, dict):
            kinds = (value.get("type"), value.get("mime_type"), value.get("mimeType"))
            is_picture = is_pictorial or any(isinstance(kind, str) and kind.startswith("image") for kind in kinds)
            waiting += [
                (entry, key, is_picture or bool(_NAMES_PICTURE.search(key)), is_minor or bool(_MINOR.search(key)))
                for key, entry in reversed(value.items())
                if not _ABOUT.search(key)
            ]


def _embedded(place: _Place, findings: Findings) -> Iterator[Picture]:
    """The pictures that a string holds as Base64, as `data:` URI or as the token of a blob."""
    text = place.text
    if len(text) < _SHORTEST:
        return
    uri = DATA_URI.match(text.lstrip())
    whole = (text.lstrip()[uri.end() :] if uri else text).strip()
    if _LINES.fullmatch(whole) and (is_all := [*_by_its_bytes(whole, findings.blobs)]):
        findings.taken.add(text)
        yield from is_all
        return
    for run in _RUN.finditer(text):
        before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        opens = not before or before.isspace() or before in _OPENS
        closes = not after or after in _CLOSES or (after.isspace() and not _RUN.match(text, run.end() + 1))
        if opens and closes:  # else it is a piece of something, and to take it would cut the picture short
            yield from _by_its_bytes(run[0], findings.blobs)


def _by_its_bytes(value: str, blobs: Blobs) -> Iterator[Picture]:
    with contextlib.suppress(ValueError):  # it is no Base64
        head = "".join(blobs.fill(value[:_HEAD]).split())[:_HEAD_KEPT]
        if value in blobs or sniff(decoded(head)) is not None:
            found = picture(value, "", blobs)
            if is_known(found):
                yield found


def _addresses(place: _Place) -> Iterator[tuple[int, str]]:
    """The addresses that a string holds as Markdown, or the one that it is as a whole, with how surely it is that of a
    picture: by its suffix, by the name it stands under, or by a name further up."""
    whole = place.text.strip()
    if "![" in whole:
        yield from ((3, value) for value in parted(place.text)[1] if value[:4].lower() == "http")
    elif place.is_minor or not _ADDRESS.fullmatch(whole):
        return
    elif _PICTURE_SUFFIX.match(whole):
        yield 3, whole
    elif _OTHER_SUFFIX.match(whole):
        return
    elif _NAMES_PICTURE.search(place.name) or _NAMES_ADDRESS.fullmatch(re.sub("[_-]", "", place.name)):
        yield 2, whole
    elif place.is_pictorial:
        yield 1, whole
