"""Elsewhere: the search of a whole answer for pictures in places that no contract names.

It is the last thing that is done before an answer is said to hold no picture, because people pay again for one that was
overlooked. What is a picture shows by its first bytes, so a place needs no name. The address of one is believed more
slowly: a refusal may link to a page of help.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from .._engine.tokens import Blobs
from ..errors import UnusableResponseError
from ..pictures.header import sniff
from .findings import Findings
from .values import DATA_URI, Picture, decoded, is_known, picture
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


@frozen
class _Place:
    """A string of the answer, with the name it stands under. is_pictorial: whether a name above it speaks of pictures.
    is_minor: whether one speaks of what goes with a picture."""

    text: str
    name: str
    is_pictorial: bool
    is_minor: bool


def found_in(document: Any, blobs: Blobs) -> Findings:
    """What is found in a JSON document of which nothing else is known, not even that it fits the contract."""
    findings = Findings(blobs)
    search(document, findings)
    if isinstance(document, dict):
        findings.metadata |= document
    return findings


def search(document: Any, findings: Findings) -> None:
    """Adds to the findings whatever in a JSON document is a picture by its bytes; where nothing is, the addresses of
    pictures.

    It takes time in proportion to the length of the document, and follows no address.
    """
    places = list(_places(document))
    for is_minor in (True, False):  # the final picture comes last
        for place in places:
            if place.is_minor == is_minor:
                for found in _embedded(place, findings):
                    findings.take(found, unless_there=True)
    if findings.has_pictures or findings.is_withheld:
        return
    addresses: list[tuple[int, str]] = []
    for place in places:
        if "![" in place.text:
            addresses += [(3, value) for value in parted(place.text)[1] if value[:4].lower() == "http"]
        elif not place.is_minor and (address := _address(place)):
            addresses.append(address)
    surest = max(addresses, default=(0, ""))[0]
    for sureness, value in addresses:
        if sureness == surest:
            findings.add_picture(value, unless_there=True)


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
    text, blobs = place.text, findings.blobs
    if len(text) < _SHORTEST:
        return
    uri = DATA_URI.match(text.lstrip())
    whole = (text.lstrip()[uri.end() :] if uri else text).strip()
    if _LINES.fullmatch(whole):
        found = _by_its_bytes(whole, blobs)
        if found is not None:
            findings.taken.add(text)
            yield found
        return
    for run in _RUN.finditer(text):
        before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        opens = not before or before.isspace() or before in _OPENS
        closes = not after or after in _CLOSES or (after.isspace() and not _RUN.match(text, run.end() + 1))
        if opens and closes:  # else it is a piece of something, and to take it would cut the picture short
            found = _by_its_bytes(run[0], blobs)
            if found is not None:
                yield found


def _by_its_bytes(value: str, blobs: Blobs) -> Picture | None:
    try:
        if value not in blobs:
            head = "".join(blobs.fill(value[:_HEAD]).split())[:_HEAD_KEPT]
            if sniff(decoded(head)) is None:
                return None
        found = picture(value, None, blobs)
    except (ValueError, UnusableResponseError):
        return None
    return found if is_known(found) else None


def _address(place: _Place) -> tuple[int, str] | None:
    """The address that a string is as a whole, with how surely it is that of a picture: by its suffix, by the name it
    stands under, or by a name further up."""
    whole = place.text.strip()
    if not _ADDRESS.fullmatch(whole):
        return None
    if _PICTURE_SUFFIX.match(whole):
        return 3, whole
    if _OTHER_SUFFIX.match(whole):
        return None
    if _NAMES_PICTURE.search(place.name) or _NAMES_ADDRESS.fullmatch(re.sub("[_-]", "", place.name)):
        return 2, whole
    return (1, whole) if place.is_pictorial else None
