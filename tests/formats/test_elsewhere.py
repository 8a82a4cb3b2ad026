"""Elsewhere: pictures in places that no contract names are found before an answer is said to hold none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from nanobanana import ContentBlockedError, NoImageError, PromptBlockedError, RemoteImage, UnusableResponseError
from nanobanana._engine.tokens import Blobs
from nanobanana._formats.elsewhere import found_in

from .answers import JPEG, LARGE, PNG, base64_of, chat, inline, native, read

P, L = base64_of(PNG), base64_of(LARGE)
WRAPPED = "\n".join(L[at : at + 76] for at in range(0, len(L), 76))
ADDRESS = "https://pictures.invalid/a_(b).png?x=1"


@pytest.mark.parametrize("wire", ["native", "chat"])
@pytest.mark.parametrize(
    "answer",
    [
        {"result": P},
        {"result": {"deep": [[{"er": [1, None, {"x": P}]}]]}},
        {"output": [{"type": "image_generation_call", "result": f"data:image/png;base64,{P}"}]},
        {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": P}}]},
        {"code": 0, "message": "success", "data": {"picture": P}},
        {"artifacts": [{"base64": P.rstrip("="), "seed": 7}]},
        {"x": P.replace("+", "-").replace("/", "_")},
        {"x": f"Here it is: {P}. Enjoy!"},
        {"x": f"data:image/png;base64,{P} and on"},
        {"x": f'{{"image":"{P}"}}'},
        {"x": f'<img src="data:image/png;base64,{P}">'},
        native({"text": P}),
        chat(P),
    ],
)
def test_picture_anywhere_is_found(answer: dict[str, Any], wire: Any) -> None:
    """A picture is found by its first bytes, whatever it stands under, and in whatever form of Base64."""
    assert read(answer, wire).image.data == PNG


@pytest.mark.parametrize(
    "answer",
    [{"x": L}, {"x": {"data": L}}, {"x": f"data:image/png;base64,{L}"}, {"x": WRAPPED}, {"x": f"data:;base64,{WRAPPED}"},
     {"x": f"words ![i](data:application/octet-stream;base64,{L}) words"}, {"x": [f"![i](data:image/png;base64,{L})"]}],
)  # fmt: skip
def test_large_picture_anywhere_is_found(answer: dict[str, Any]) -> None:
    """A picture is found whether or not it was lifted out of the JSON, and whole."""
    assert read(answer).image.data == LARGE


@pytest.mark.parametrize(
    "answer",
    [
        {"output": ADDRESS},
        {"data": {"image": {"url": "https://pictures.invalid/get?id=5"}}},
        {"image_urls": ["https://pictures.invalid/5"]},
        {"result": {"fileUrl": "https://pictures.invalid/5"}},
        {"x": [{"type": "image", "href": "https://pictures.invalid/5"}]},
        {"x": "words ![a picture](https://pictures.invalid/5) words"},
        native({"text": ADDRESS}),
        chat(f" {ADDRESS}\n"),
    ],
)
def test_address_of_a_picture_is_found(answer: dict[str, Any]) -> None:
    """The address of a picture becomes a picture that lies elsewhere, and is not fetched."""
    image = read(answer).image
    assert isinstance(image, RemoteImage)
    assert image.url in (ADDRESS, "https://pictures.invalid/get?id=5", "https://pictures.invalid/5")


@pytest.mark.parametrize(
    "answer",
    [
        chat(f"I cannot draw that. See {ADDRESS} for examples."),
        chat("I cannot draw that. See [the rules](https://pages.invalid/rules.png)."),
        {"help": "https://pages.invalid/help"},
        {"url": "https://pages.invalid/index.html"},
        native({"text": "No."}, groundingMetadata={"chunks": [{"web": {"uri": "https://pages.invalid/x.png"}}]}),
        {"error_details": {"url": ADDRESS}, "usage": {"image_url": ADDRESS}},
        {"request": {"contents": [{"parts": [inline(PNG)]}]}},
        {"input_image": P, "prompt": P, "reference_images": [P]},
        native({"text": "No.", "thoughtSignature": P}),
        {"x": base64_of(b"words and words and words and words and words and words")},
        {"x": "A" * 10_000, "y": "=" * 500, "z": "data:image/png;base64,"},
        {"x": P[:30]},
    ],
)
def test_no_picture_is_no_picture(answer: dict[str, Any]) -> None:
    """Links in words, pages, what was asked, and what only looks like Base64 are not taken for the picture."""
    with pytest.raises(NoImageError):
        read(answer)


def test_pieces_are_not_passed_off_as_a_picture() -> None:
    """Base64 that goes on behind a character that is none is not cut short there."""
    with pytest.raises(NoImageError):
        read({"x": f"{P}*{P}", "y": f"words {WRAPPED} words"})


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"promptFeedback": {"blockReason": "SAFETY"}, "image_url": ADDRESS}, PromptBlockedError),
     ({**chat(None), "choices": [{"finish_reason": "content_filter"}], "image_url": ADDRESS}, ContentBlockedError)],
)  # fmt: skip
def test_withheld_picture_has_no_address(answer: dict[str, Any], error: type[Exception]) -> None:
    """Where the answer says that the picture was withheld, an address in it is not that of the picture."""
    with pytest.raises(error):
        read(answer, "chat" if "choices" in answer else "native")


def test_what_goes_with_a_picture_is_not_the_final_one() -> None:
    """A thumbnail behind the picture is not taken for the final one."""
    generation = read({"picture": P, "thumbnail": base64_of(JPEG)})
    assert generation.image.data == PNG
    assert len(generation.images) == 2


def test_surest_addresses_alone_are_taken() -> None:
    """The address of a page beside that of a picture is left alone."""
    generation = read({"images": [{"page": "https://pages.invalid/5", "url": ADDRESS}]})
    assert [getattr(image, "url", None) for image in generation.images] == [ADDRESS]


def test_same_picture_in_many_places_is_one() -> None:
    """A picture that stands in several places is one picture."""
    assert len(read({"a": P, "b": {"c": f"data:image/png;base64,{P}"}, "d": [P]}).images) == 1


def test_found_picture_is_not_kept_twice() -> None:
    """A picture that was found is not metadata as well, and its Base64 is not the text; what stands beside it stays."""
    generation = read({**native({"text": P}), "seed": 7, "again": {"x": P, "y": 1}})
    assert generation.text == ""
    assert generation.metadata == {"seed": 7, "again": {"y": 1}}


def test_words_beside_a_picture_elsewhere_are_kept() -> None:
    """Text, usage and finish reason are those of the answer, wherever its picture is."""
    answer = native({"text": "Here."}, usageMetadata={"totalTokenCount": 9}, picture=P)
    generation = read(answer)
    assert (generation.text, generation.usage.total_tokens, generation.finish_reason) == ("Here.", 9, "STOP")


def test_document_that_fits_no_contract_is_searched() -> None:
    """Where the generated parser stumbles, the picture is found all the same."""
    findings = found_in({"odd": [P], "seed": 7}, Blobs())
    generation = findings.conclude(prompt="", model="", request_id=None, headers={}, answer=None)
    assert (generation.image.data, generation.metadata) == (PNG, {"odd": [], "seed": 7})
    with pytest.raises(UnusableResponseError):
        found_in({}, Blobs()).conclude(prompt="", model="", request_id=None, headers={}, answer=None)


def test_depth_costs_nothing() -> None:
    """A document of any depth is searched, and kept as metadata."""
    deep: Any = {"x": P}
    for _ in range(20_000):
        deep = {"d": deep}
    findings = found_in(deep, Blobs())
    assert findings.conclude(prompt="", model="", request_id=None, headers={}, answer=None).image.data == PNG


@pytest.mark.parametrize(
    "answer",
    [
        native(*[{"text": f"word {number} "} for number in range(400_000)], inline(PNG)),
        chat(f"![i](data:image/png;base64,{P})" * 20_000),
        chat(None, {"images": [{"image_url": {"url": f"data:image/png;base64,{base64_of(PNG + bytes([n // 256, n % 256]))}"}} for n in range(20_000)]}),
        {"candidates": [{"content": {"parts": [{"text": "no"}]}}] * 40_000, "x": P},
        {"x": [base64_of(PNG + number.to_bytes(3, "big")) for number in range(20_000)]},
        {"x": " ".join(["https://a.invalid/" + "a." * 40] * 20_000), "y": P},
        {"x": (f"{P}*" * 20_000), "y": P},
        {"x": "https://a.invalid/" + ".png" * 500_000 + "!", "y": P},
        {"x": ("A" * 41 + "\n ") * 50_000 + "!", "y": P},
    ],
    ids=["parts", "markdown", "images", "candidates", "elsewhere", "addresses", "pieces", "suffixes", "lines"],
)  # fmt: skip
def test_hostile_answer_takes_no_time(answer: dict[str, Any]) -> None:
    """A few megabytes of parts, pictures, candidates or half-way addresses take seconds at most, not minutes."""
    began = time.process_time()
    read(answer, "chat" if "choices" in answer else "native")
    assert time.process_time() - began < 20
