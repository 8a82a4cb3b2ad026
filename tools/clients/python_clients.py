"""Clients in Python, each told to draw, to draw from a reference, to go on from its answer, and to be refused.

    python python_clients.py NAME ADDRESS FOLDER

Each prints one line of JSON: for each step the number of bytes of its picture, or for the refusal what the client made
of it. FOLDER holds the reference, reference.png.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEY = "sk-sandbox"
BEARER = {"Authorization": f"Bearer {KEY}"}
ASK, EDIT, WITH = "Draw a cat", "Now draw it at night", "Draw the cat in this place"
REFUSED = "Draw a cat [sandbox:content-policy]"
SHAPE = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"}}
LITERAL = {"extra_body": {"google": {"image_config": {"aspect_ratio": "16:9", "image_size": "1K"}}}}
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")

Steps = dict[str, Callable[[], Any]]


def whole(data: bytes | str) -> int:
    """The size of a picture, if it is one."""
    raw = base64.b64decode(data) if isinstance(data, str) else data
    if not raw.startswith(SIGNATURES):
        raise ValueError("not a picture")
    return len(raw)


def in_markdown(words: str) -> int:
    """The size of the picture in a chat answer."""
    found = re.search(r"!\[[^\]]*\]\(data:image/(?:png|jpeg);base64,([^)]*)\)", words)
    if found is None:
        raise ValueError(f"no picture in {words[:80]!r}")
    return whole(found[1])


def uri(reference: bytes) -> str:
    """A picture as a data: URI."""
    return "data:image/png;base64," + base64.b64encode(reference).decode()


def google_genai(address: str, reference: bytes) -> Steps:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key="unused", http_options=types.HttpOptions(base_url=address, headers=BEARER))
    shape = types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    config = types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"], image_config=shape)
    chat = client.chats.create(model="nanobanana_pro", config=config)
    image = types.Part.from_bytes(data=reference, mime_type="image/png")

    def size(answer: Any) -> int:
        return whole(answer.parts[-1].inline_data.data)

    def draw(*contents: Any) -> Any:
        return client.models.generate_content(model="nanobanana", contents=list(contents), config=config)

    return {
        "picture": lambda: size(draw(ASK)),
        "reference": lambda: size(draw(WITH, image)),
        "second turn": lambda: (chat.send_message(ASK), size(chat.send_message(EDIT)))[1],
        "error": lambda: draw(REFUSED),
    }


def openai_chat(address: str, reference: bytes) -> Steps:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0)

    def draw(*messages: dict[str, Any]) -> str:
        answer = client.chat.completions.create(model="nanobanana_2", messages=list(messages), extra_body=LITERAL)
        return answer.choices[0].message.content or ""

    return chat_steps(draw, reference)


def chat_steps(draw: Callable[..., str], reference: bytes) -> Steps:
    """The steps of a client that takes messages and gives back words."""

    def user(content: Any) -> dict[str, Any]:
        return {"role": "user", "content": content}

    parts = [{"type": "text", "text": WITH}, {"type": "image_url", "image_url": {"url": uri(reference)}}]
    return {
        "picture": lambda: in_markdown(draw(user(ASK))),
        "reference": lambda: in_markdown(draw(user(parts))),
        "second turn": lambda: in_markdown(
            draw(user(ASK), {"role": "assistant", "content": draw(user(ASK))}, user(EDIT))
        ),
        "error": lambda: draw(user(REFUSED)),
    }


def native_steps(send: Callable[[dict[str, Any]], dict[str, Any]], reference: bytes) -> Steps:
    """The steps of a client by hand, in the native format; `send` gives the answer's JSON."""
    image = {"inline_data": {"mime_type": "image/png", "data": base64.b64encode(reference).decode()}}

    def turn(*parts: Any) -> dict[str, Any]:
        return {"role": "user", "parts": list(parts)}

    def draw(*turns: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = send({"contents": list(turns), "generationConfig": SHAPE})["candidates"][0]["content"]
        return content

    def size(content: dict[str, Any]) -> int:
        return whole(content["parts"][-1]["inlineData"]["data"])

    ask = turn({"text": ASK})
    return {
        "picture": lambda: size(draw(ask)),
        "reference": lambda: size(draw(turn({"text": WITH}, image))),
        "second turn": lambda: size(draw(ask, draw(ask), turn({"text": EDIT}))),
        "error": lambda: draw(turn({"text": REFUSED})),
    }


def requests_by_hand(address: str, reference: bytes) -> Steps:
    import requests

    def send(body: dict[str, Any]) -> dict[str, Any]:
        url = f"{address}/v1beta/models/nanobanana_pro:generateContent"
        answer = requests.post(url, json=body, headers=BEARER, timeout=60)
        if not answer.ok:
            raise requests.HTTPError(answer.json()["error"]["message"], response=answer)
        found: dict[str, Any] = answer.json()
        return found

    return native_steps(send, reference)


def aiohttp_by_hand(address: str, reference: bytes) -> Steps:
    import aiohttp

    async def sent(body: dict[str, Any]) -> dict[str, Any]:
        url = f"{address}/v1beta/models/nanobanana:generateContent"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=BEARER) as answer:
            found: dict[str, Any] = await answer.json()
            if answer.status != 200:
                raise aiohttp.ClientPayloadError(found["error"]["message"])
            return found

    return native_steps(lambda body: asyncio.run(sent(body)), reference)


def litellm_gemini(address: str, reference: bytes) -> Steps:
    import litellm

    litellm.drop_params = True

    def draw(*messages: dict[str, Any]) -> Any:
        answer = litellm.completion(
            model="gemini/nanobanana",
            api_base=f"{address}/v1beta",
            api_key="unused",
            messages=list(messages),
            modalities=["image", "text"],
            imageConfig=SHAPE["imageConfig"],
            extra_headers=BEARER,
            num_retries=0,
        )
        return answer.choices[0].message

    def size(message: Any) -> int:
        return whole(message.images[0]["image_url"]["url"].partition(",")[2])

    def user(content: Any) -> dict[str, Any]:
        return {"role": "user", "content": content}

    parts = [{"type": "text", "text": WITH}, {"type": "image_url", "image_url": {"url": uri(reference)}}]

    def second() -> int:
        first = draw(user(ASK))
        return size(draw(user(ASK), first.model_dump(exclude_none=True), user(EDIT)))

    return {
        "picture": lambda: size(draw(user(ASK))),
        "reference": lambda: size(draw(user(parts))),
        "second turn": second,
        "error": lambda: draw(user(REFUSED)),
    }


def litellm_openai(address: str, reference: bytes) -> Steps:
    import litellm

    def draw(*messages: dict[str, Any]) -> str:
        answer = litellm.completion(
            model="openai/nanobanana_2",
            api_base=f"{address}/v1",
            api_key=KEY,
            messages=list(messages),
            extra_body=LITERAL,
            num_retries=0,
        )
        return answer.choices[0].message.content or ""

    return chat_steps(draw, reference)


def langchain_google(address: str, reference: bytes) -> Steps:
    from langchain_core.messages import AIMessage, HumanMessage
    from langchain_google_genai import ChatGoogleGenerativeAI, Modality

    model = ChatGoogleGenerativeAI(
        model="nanobanana",
        api_key="unused",
        base_url=address,
        additional_headers=BEARER,
        response_modalities=[Modality.TEXT, Modality.IMAGE],
        image_config=SHAPE["imageConfig"],
        max_retries=1,
    )

    def size(answer: AIMessage) -> int:
        blocks = [block for block in answer.content if isinstance(block, dict) and "image_url" in block]
        return whole(blocks[-1]["image_url"]["url"].partition(",")[2])

    def draw(*messages: Any) -> AIMessage:
        answer: AIMessage = model.invoke(list(messages))
        return answer

    parts = [{"type": "text", "text": WITH}, {"type": "image_url", "image_url": {"url": uri(reference)}}]
    return {
        "picture": lambda: size(draw(HumanMessage(ASK))),
        "reference": lambda: size(draw(HumanMessage(content=parts))),
        "second turn": lambda: size(draw(HumanMessage(ASK), draw(HumanMessage(ASK)), HumanMessage(EDIT))),
        "error": lambda: draw(HumanMessage(REFUSED)),
    }


def pydantic_ai(address: str, reference: bytes) -> Steps:
    from google.genai import Client
    from google.genai.types import HttpOptions
    from pydantic_ai import Agent, BinaryContent, BinaryImage
    from pydantic_ai.capabilities import NativeTool
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.native_tools import ImageGenerationTool
    from pydantic_ai.profiles.google import GoogleModelProfile
    from pydantic_ai.providers.google import GoogleProvider

    client = Client(api_key="unused", http_options=HttpOptions(base_url=address, headers=BEARER))
    profile = GoogleModelProfile(supports_image_output=True, supports_tools=False)
    model = GoogleModel("nanobanana", provider=GoogleProvider(client=client), profile=profile)
    shape = NativeTool(ImageGenerationTool(aspect_ratio="16:9", size="1K"))
    agent = Agent(model, output_type=BinaryImage, retries=0, capabilities=[shape])

    def second() -> int:
        first = agent.run_sync(ASK)
        return whole(agent.run_sync(EDIT, message_history=first.all_messages()).output.data)

    image = BinaryContent(data=reference, media_type="image/png")
    return {
        "picture": lambda: whole(agent.run_sync(ASK).output.data),
        "reference": lambda: whole(agent.run_sync([WITH, image]).output.data),
        "second turn": second,
        "error": lambda: agent.run_sync(REFUSED),
    }


def llama_index(address: str, reference: bytes) -> Steps:
    from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(
        model="nanobanana_2",
        api_base=f"{address}/v1",
        api_key=KEY,
        is_chat_model=True,
        max_retries=0,
        additional_kwargs={"extra_body": LITERAL},
    )

    def draw(*messages: ChatMessage) -> str:
        return model.chat(list(messages)).message.content or ""

    parts = [TextBlock(text=WITH), ImageBlock(image=reference, image_mimetype="image/png")]
    ask, edit = ChatMessage(role="user", content=ASK), ChatMessage(role="user", content=EDIT)
    return {
        "picture": lambda: in_markdown(draw(ask)),
        "reference": lambda: in_markdown(draw(ChatMessage(role="user", blocks=parts))),
        "second turn": lambda: in_markdown(draw(ask, ChatMessage(role="assistant", content=draw(ask)), edit)),
        "error": lambda: draw(ChatMessage(role="user", content=REFUSED)),
    }


def instructor_chat(address: str, reference: bytes) -> Steps:
    import instructor
    import openai

    client = instructor.from_openai(openai.OpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0))

    def draw(*messages: dict[str, Any]) -> str:
        answer = client.chat.completions.create(
            model="nanobanana_2", messages=list(messages), response_model=None, extra_body=LITERAL, max_retries=0
        )
        return answer.choices[0].message.content or ""

    return chat_steps(draw, reference)


CLIENTS: dict[str, Callable[[str, bytes], Steps]] = {
    "google-genai": google_genai,
    "openai": openai_chat,
    "requests": requests_by_hand,
    "aiohttp": aiohttp_by_hand,
    "litellm, gemini/": litellm_gemini,
    "litellm, openai/": litellm_openai,
    "langchain-google-genai": langchain_google,
    "pydantic-ai": pydantic_ai,
    "llama-index": llama_index,
    "instructor": instructor_chat,
}


def main(name: str, address: str, folder: str) -> None:
    """Takes the steps one by one and prints what came of each."""
    steps = CLIENTS[name](address, Path(folder, "reference.png").read_bytes())
    outcome: dict[str, str] = {}
    for step, take in steps.items():
        try:
            size = take()
        except Exception as error:
            if step != "error":
                traceback.print_exc()
            said = str(error)
            understood = step == "error" and "goes against the rules" in said
            outcome[step] = f"{type(error).__name__}" if understood else f"FAILED {type(error).__name__}: {said[:300]}"
        else:
            outcome[step] = f"{size} bytes" if step != "error" else "FAILED no error"
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
