"""Forms: the places in which gateways are known to put pictures and words, beside those of the contract."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanobanana import Generation, NoImageError, RemoteImage, UnusableResponseError
from nanobanana._formats.jsons import as_json, json_names
from nanobanana._formats.words import parted, readable
from nanobanana_api.models.candidate import Candidate
from nanobanana_api.models.generate_content_response import GenerateContentResponse

from .answers import JPEG, PNG, base64_of, chat, inline, native, read

P, URI, ADDRESS = base64_of(PNG), f"data:image/png;base64,{base64_of(PNG)}", "https://pictures.invalid/a.png"


@pytest.mark.parametrize(
    "message",
    [
        {"multi_mod_content": [{"text": "Here."}, {"inline_data": {"mime_type": "image/png", "data": P}}]},
        {"multi_mod_content": [{"inlineData": {"mimeType": "image/png", "data": P}}]},
        {"images": [{"type": "image_url", "image_url": {"url": URI}}]},
        {"images": [{"type": "image_url", "image_url": URI}]},
        {"images": [{"imageUrl": {"url": URI}}]},
        {"images": [{"imageUrl": URI}]},
        {"images": [{"b64_json": P}]},
        {"images": [{"url": URI}]},
        {"images": [None, 3, URI]},
        {"content": [{"type": "text", "text": "Here."}, {"type": "image_url", "image_url": URI}, "x", None]},
        {"content": [{"type": "image_url", "imageUrl": {"url": URI}}]},
        {"content": [{"inline_data": {"mime_type": "image/png", "data": P}}]},
    ],
)  # fmt: skip
def test_places_in_a_chat_message(message: dict[str, Any]) -> None:
    """A chat message may hold its picture in any of these places, once each."""
    generation = read(chat(None, message), "chat")
    assert [image.data for image in generation.images] == [PNG]
    assert generation.metadata == {}


@pytest.mark.parametrize("wire", ["native", "chat"])
@pytest.mark.parametrize("entry", [{"b64_json": P}, {"url": URI}, {"url": ADDRESS}, {"b64_json": None, "url": ADDRESS}])
def test_list_of_data(wire: Any, entry: dict[str, Any]) -> None:
    """The list `data` of an images endpoint is read in either format, and what stands beside the picture stays."""
    generation = read({"created": 1, "data": [{**entry, "revised_prompt": "A cat"}]}, wire)
    image = generation.image
    assert image.url == ADDRESS if isinstance(image, RemoteImage) else image.data == PNG
    assert generation.metadata["data"][0]["revised_prompt"] == "A cat"
    assert P not in str(generation.metadata)


@pytest.mark.parametrize("name", ["message", "delta"])
@pytest.mark.parametrize("others", [[], [{"message": {"content": "no"}, "finish_reason": "length"}], [None, {}]])
def test_choice_with_the_picture_speaks(name: str, others: list[Any]) -> None:
    """The first choice that has a picture gives the words and the finish reason as well; `delta` stands for `message`."""
    choice = {name: {"content": f"Here. ![i]({URI})"}, "finish_reason": "stop", "seed": 7}
    generation = read({"choices": [*others, choice]}, "chat")
    assert (generation.image.data, generation.text, generation.finish_reason) == (PNG, "Here.", "stop")
    assert generation.metadata == {"seed": 7}


def test_candidate_with_a_whole_picture_goes_first() -> None:
    """A damaged picture in the first candidate does not cost the whole one in the second."""
    damaged, whole = native(inline("iVBO*"))["candidates"], native(inline(JPEG), {"text": "Here."})["candidates"]
    generation = read({"candidates": [*damaged, *whole]})
    assert (generation.image.data, generation.text) == (JPEG, "Here.")


def test_native_answer_to_a_chat_request() -> None:
    """A native body is read where a chat body was due, words and counts included."""
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 9, "thoughtsTokenCount": 6}
    _check(read(native({"text": "Here."}, inline(PNG), usageMetadata=usage), "chat"), "STOP")


def test_chat_answer_to_a_native_request() -> None:
    """A chat body is read where a native body was due, words and counts included."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}
    _check(read(chat(f"Here. ![i]({URI})", usage=usage), "native"), "stop")


def _check(generation: Generation, finish_reason: str) -> None:
    assert (generation.image.data, generation.text, generation.finish_reason) == (PNG, "Here.", finish_reason)
    assert (generation.usage.prompt_tokens, generation.usage.total_tokens) == (1, 9)


def test_refusal_in_the_other_format_is_shown() -> None:
    """The words of a refusal are shown, in whatever format they came."""
    with pytest.raises(NoImageError, match="I cannot draw that") as caught:
        read(chat("I cannot draw that."), "native")
    assert (caught.value.text, caught.value.finish_reason) == ("I cannot draw that.", "stop")


@pytest.mark.parametrize("broken", [P.rstrip("="), P.replace("+", "-").replace("/", "_"), f"{P[:76]}\r\n{P[76:]}\n"])
@pytest.mark.parametrize("wire", ["native", "chat"])
def test_base64_in_its_usual_forms(wire: Any, broken: str) -> None:
    """Base64 without padding, of the URL's alphabet or in lines is the picture that it was made from."""
    answer = native(inline(broken)) if wire == "native" else chat(None, {"images": [{"b64_json": broken}]})
    assert read(answer, wire).image.data == PNG


@pytest.mark.parametrize(
    "address",
    [
        "https://a.invalid/x(1).png",
        "https://a.invalid/x_((a)b)_(c).png?q=(1)",
        "https://a.invalid/x.png#(",
        "https://a.invalid/(x",
    ],
)
@pytest.mark.parametrize("around", ["![i]({})", "![i]( {} )", "![i](<{}>)", '![i]({} "title")'])
def test_brackets_in_markdown_addresses(address: str, around: str) -> None:
    """Brackets in pairs are a part of an address in Markdown, and so is one that is never closed."""
    generation = read(chat(f"before {around.format(address)} after"), "chat")
    assert [getattr(image, "url", None) for image in generation.images] == [address]
    assert (generation.text[:7], generation.text[-6:]) == ("before ", " after")


@pytest.mark.parametrize(
    "answer",
    [
        native({"inline_data": {"mime_type": "image/jpeg", "data": P}}),
        {"candidates": [{"content": {"parts": [inline(PNG)]}, "role": None, "finishReason": None, "index": None, "safetyRatings": None}], "usageMetadata": None},
        native(inline(PNG), promptFeedback={"safetyRatings": []}),
        native(inline(JPEG, thought=True), inline(PNG)),
        native(inline(JPEG), inline(PNG)),
        native(inline(PNG, thought=True)),
        native(inline(PNG, "image/jpeg", thoughtSignature="")),
        native({"text": URI}),
        native(None, "x", {}, inline(PNG), {"later": 1}, None),
    ],
    ids=["snake case", "nulls", "feedback", "draft", "two", "only a thought", "wrong type", "data: URI", "odd parts"],
)  # fmt: skip
def test_native_answers_that_break_naive_clients(answer: dict[str, Any]) -> None:
    """Missing fields, either case, drafts, wrong types and odd parts cost no picture."""
    image = read(answer).image
    assert (image.data, image.mime_type) == (PNG, "image/png")


@pytest.mark.parametrize("part", [{"fileData": {"fileUri": ADDRESS}}, inline(ADDRESS), {"text": f"![i]({ADDRESS})"}])
def test_native_address(part: dict[str, Any]) -> None:
    """A picture that lies elsewhere is named, in whatever part."""
    image = read(native(part)).image
    assert isinstance(image, RemoteImage)
    assert image.url == ADDRESS


def test_half_pairs_become_replacement_characters() -> None:
    """Half of a surrogate pair in words becomes U+FFFD; halves that only two parts have torn apart find together."""
    answer = native(
        {"text": "a\ud83d"},
        {"text": "\ude00b\ud83d"},
        {"text": "\udfff", "thought": True},
        inline(PNG),
        odd={"\ud800": ["\ud800"]},
    )
    answer["candidates"][0]["finishReason"] = "\ud83d"
    generation = read(answer)
    assert (generation.text, generation.thoughts, generation.finish_reason) == (
        "a\N{GRINNING FACE}b\ufffd",
        "\ufffd",
        "\ufffd",
    )
    assert generation.metadata == {"odd": {"\ufffd": ["\ufffd"]}}
    with pytest.raises(NoImageError) as caught:
        read(native({"text": "No \ud83d"}))
    assert (caught.value.text, "No \ufffd" in str(caught.value)) == ("No \ufffd", True)


@given(st.text("a\ud83d\ude00\udfff\N{GRINNING FACE}", max_size=12))
def test_words_can_be_written(text: str) -> None:
    """Whatever came, words can be written in UTF-8, and good ones are as they came."""
    found = readable(text)
    found.encode()
    assert "\ufffd" in found or found.encode("utf-16") == text.encode("utf-16", "surrogatepass")


@given(
    st.lists(
        st.sampled_from(
            [
                "![",
                "](",
                ")",
                "(",
                "<",
                ">",
                " ",
                "\n",
                "!",
                "https://a",
                "data:image/png;base64,",
                P,
                P[:20],
                ",",
                '"',
                "x" * 30,
            ]
        ),
        max_size=12,
    )
)
def test_words_and_pictures_are_parted_whatever_comes(pieces: list[str]) -> None:
    """Parting words from pictures ends well on any mixture of marks, and what it finds was there."""
    text = "".join(pieces)
    words, pictures = parted(text)
    assert all(picture in text for picture in pictures)
    assert pictures or words == text


@pytest.mark.parametrize("count", [0, False, "none", [1]])
def test_counts_of_another_kind_stay(count: Any) -> None:
    """What an answer has in the place of its token counts stays in the metadata, as it came."""
    assert read(native(inline(PNG), usageMetadata=count)).metadata == {"usageMetadata": count}
    assert read(chat(f"![i]({URI})", usage=count), "chat").metadata == {"usage": count}


NAMES = st.sampled_from(
    [
        "candidates",
        "content",
        "parts",
        "text",
        "inlineData",
        "inline_data",
        "mimeType",
        "data",
        "thought",
        "fileData",
        "fileUri",
        "finishReason",
        "usageMetadata",
        "totalTokenCount",
        "promptFeedback",
        "blockReason",
        "choices",
        "message",
        "delta",
        "images",
        "image_url",
        "url",
        "multi_mod_content",
        "usage",
        "total_tokens",
        "reasoning_content",
        "metadata",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([P, URI, ADDRESS, "", "x", "STOP", "\ud83d", "iVBO*", f"![]({URI})"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(st.dictionaries(NAMES, JSON, max_size=4), st.sampled_from(["native", "chat"]))
def test_any_document_is_read_or_refused(document: dict[str, Any], wire: Any) -> None:
    """Any JSON object gives a generation or an error of the library, and nothing else."""
    try:
        generation = read(document, wire)
    except UnusableResponseError as error:
        str(error).encode()
    else:
        f"{generation.text}{generation.thoughts}{generation.finish_reason}".encode()
        assert generation.images


def test_models_are_written_by_the_names_they_came_under() -> None:
    """A generated model gives back the very JSON it was parsed from, entries that did not fit included."""
    document = {"candidates": [None, {"safetyRatings": [3, {"category": "x"}], "later": {"a": 1}}], "usageMetadata": 5}
    assert as_json(GenerateContentResponse.from_dict(document)) == document
    assert json_names(Candidate)["finish_reason"] == "finishReason"
