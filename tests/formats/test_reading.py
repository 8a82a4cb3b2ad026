"""Reading: which pictures an answer holds, and which of them is the final one."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from nanobanana import Generation, PromptBlockedError, RemoteImage, UnusableResponseError
from nanobanana._engine.tokens import Blobs
from nanobanana._formats import format_of
from nanobanana_api.models.chat_completion import ChatCompletion
from nanobanana_api.models.generate_content_response import GenerateContentResponse

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
JPEG = b"\xff\xd8\xff" + bytes(range(100))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _native(*parts: Any, **beside: Any) -> Generation:
    answer = {"candidates": [{"content": {"parts": list(parts)}}], **beside}
    return (
        format_of("native")
        .find(GenerateContentResponse.from_dict(answer), Blobs())
        .conclude(prompt="Draw", model="nanobanana", request_id="req_1", headers={}, answer=None)
    )


def _chat(content: str) -> Generation:
    answer = {"choices": [{"message": {"content": content}}]}
    return (
        format_of("chat")
        .find(ChatCompletion.from_dict(answer), Blobs())
        .conclude(prompt="Draw", model="nanobanana", request_id="req_1", headers={}, answer=None)
    )


def _inline(data: str, mime_type: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


@pytest.mark.parametrize("ending", ["", ".", "\n\nwords", "`", " and words"])
def test_bare_uri_ends_where_it_should(ending: str) -> None:
    """What follows a bare data: URI in a sentence does not spoil it."""
    assert _chat(f"Here: data:image/png;base64,{_text(PNG)}{ending}").image.data == PNG


def test_wrapped_uri_is_never_cut_short() -> None:
    """A bare data: URI broken into lines is refused as a whole, and not passed off as a shorter picture."""
    wrapped = "\n".join(_text(PNG * 5)[at : at + 76] for at in range(0, len(_text(PNG * 5)), 76))
    with pytest.raises(UnusableResponseError):
        _chat(f"Here: data:image/png;base64,{wrapped}")


@pytest.mark.parametrize(
    "text", ["data:image/png;base64,{}", "\ndata:image/png;base64, {}", "Done: ![image](data:image/png;base64,{})"]
)
def test_pictures_in_native_text(text: str) -> None:
    """A native text part may hold a picture, alone or among words."""
    assert _native({"text": text.format(_text(PNG))}).image.data == PNG


def test_part_of_another_kind_is_no_picture() -> None:
    """A document beside the picture is kept in the metadata, and is not the final picture."""
    generation = _native(_inline(_text(PNG)), _inline(_text(b"words"), "text/plain"))
    assert generation.image.data == PNG
    assert generation.metadata["otherParts"] == [{"mimeType": "text/plain", "data": _text(b"words")}]


def test_known_type_goes_before_unknown_bytes() -> None:
    """Bytes of no known type are kept as a picture, but are not the final one where there is a better."""
    generation = _native(_inline(_text(PNG)), _inline(_text(b"what is this")))
    assert generation.image.data == PNG
    assert len(generation.images) == 2


def test_damaged_picture_before_a_whole_one() -> None:
    """A damaged picture that is not the last costs nothing, and is counted."""
    generation = _native(_inline("iVBOR*"), _inline(_text(JPEG)))
    assert generation.image.data == JPEG
    assert generation.metadata["damagedPictures"] == 1


def test_damaged_final_picture_is_told() -> None:
    """Where the last picture is damaged, an earlier one is not passed off as the final one."""
    with pytest.raises(UnusableResponseError, match="not valid Base64"):
        _native(_inline(_text(JPEG)), _inline("iVBOR*"))


def _thought(data: str) -> dict[str, Any]:
    return {**_inline(data), "thought": True}


def test_damaged_thought_behind_the_final_picture() -> None:
    """A damaged draft costs nothing where there is a final picture, wherever it comes."""
    assert _native(_inline(_text(JPEG)), _thought("iVBOR*")).image.data == JPEG


def test_damaged_thought_before_a_whole_one() -> None:
    """Where all pictures are marked as thoughts, a damaged one before the last costs nothing."""
    assert _native(_thought("iVBOR*"), _thought(_text(JPEG))).image.data == JPEG
    with pytest.raises(UnusableResponseError, match="not valid Base64"):
        _native(_thought(_text(JPEG)), _thought("iVBOR*"))


def test_words_around_pictures_are_kept() -> None:
    """Words before, between and after pictures are the text; the pictures keep their order."""
    link = "![image](data:image/{};base64,{})"
    generation = _chat(f"one {link.format('png', _text(PNG))} two {link.format('jpeg', _text(JPEG))} three")
    assert generation.text == "one  two  three"
    assert [image.data for image in generation.images] == [PNG, JPEG]


@pytest.mark.parametrize(
    "piece",
    ["![](data:image/,", "![](http://", "![", "data:image/", "![a](", "data:image/png;base64,", "![](data:image/png;base64,AAAA \n",
     "](!", "data:image/png;base64,A\n\n\n", "![]( \t"],
)  # fmt: skip
def test_hostile_words_take_no_time(piece: str) -> None:
    """Half a million letters that begin picture after picture and end none are read at once, not in hours, and cost
    neither the words nor the picture behind them."""
    picture = f"![i](data:image/png;base64,{_text(PNG)})"
    began = time.process_time()
    generation = _chat(piece * (500_000 // len(piece)) + " ) " + picture)
    assert time.process_time() - began < 10
    assert generation.image.data == PNG


@pytest.mark.parametrize(
    "markdown",
    ['![a [b] c](data:image/png;base64,{})', '![wow!](data:image/png;base64,{} "a title! (really)")', "![](  data:image/png;base64,{}  )",
     "![x!](https://pictures.invalid/a!b.png?x=[1])", "data:image/png;charset=utf-8;base64,{}"],
)  # fmt: skip
def test_odd_markdown(markdown: str) -> None:
    """Brackets, exclamation marks and titles in Markdown do not hide its picture."""
    image = _chat(f"before {markdown.format(_text(PNG))} after").image
    if isinstance(image, RemoteImage):
        assert image.url == "https://pictures.invalid/a!b.png?x=[1]"
    else:
        assert image.data == PNG


def test_words_beside_a_picture_in_a_list_of_data_are_kept() -> None:
    """The words of a candidate are those of the answer, also where its picture lies in `data`."""
    generation = _native({"text": "A cat."}, data=[{"b64_json": _text(PNG)}])
    assert generation.text == "A cat."
    assert generation.image.data == PNG


def _said(message: dict[str, Any]) -> Generation:
    answer = ChatCompletion.from_dict({"choices": [{"message": message}]})
    found = format_of("chat").find(answer, Blobs())
    return found.conclude(prompt="Draw", model="nanobanana", request_id=None, headers={}, answer=None)


def test_parts_of_chat_may_be_thoughts() -> None:
    """What a part in chat marks as a thought is one, and the same draft counts once."""
    draft = {**_inline(_text(JPEG)), "thought": True}
    generation = _said(
        {"content": [{"text": "hm", "thought": True}, draft, draft, {"text": "so"}, _inline(_text(PNG))]}
    )
    assert [image.data for image in generation.images] == [PNG]
    assert [image.data for image in generation.drafts] == [JPEG]
    assert (generation.text, generation.thoughts) == ("so", "hm")


def test_pictures_in_what_was_reasoned_are_drafts() -> None:
    """A picture in the words of the thoughts is cut out of them and kept as a draft."""
    shown = f"![a](data:image/png;base64,{_text(PNG)})"
    generation = _said({"content": shown, "reasoning_content": f"first {shown.replace(_text(PNG), _text(JPEG))}"})
    assert [image.data for image in (*generation.images, *generation.drafts)] == [PNG, JPEG]
    assert generation.thoughts == "first"


def test_words_stay_beside_a_blocked_prompt() -> None:
    """Where the prompt was blocked, what the model says in the other format is shown all the same."""
    answer = {"promptFeedback": {"blockReason": "SAFETY"}, "choices": [{"message": {"content": "No."}}]}
    found = format_of("native").find(GenerateContentResponse.from_dict(answer), Blobs())
    with pytest.raises(PromptBlockedError) as caught:
        found.conclude(prompt="Draw", model="nanobanana", request_id=None, headers={}, answer=None)
    assert (caught.value.reason, caught.value.text) == ("SAFETY", "No.")
