"""Asking the sandbox by hand: the two addresses, and bodies made from the contract's examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from nanobanana_sandbox.contract import example

from ..conftest import KEY

NATIVE = "/v1beta/models/nanobanana:generateContent"
PRO = "/v1beta/models/nanobanana_pro:generateContent"
CHAT = "/v1/chat/completions"


def post(url: str, path: str, body: Any, **headers: str) -> httpx.Response:
    """The answer to a request with a good key; bytes go as they are, all else as JSON."""
    headers = {"Authorization": f"Bearer {KEY}", **headers}
    if isinstance(body, bytes):
        return httpx.post(url + path, content=body, headers={"Content-Type": "application/json", **headers}, timeout=60)
    return httpx.post(url + path, json=body, headers=headers, timeout=60)


def changed(name: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """An example of the contract with a change."""
    body: dict[str, Any] = json.loads(json.dumps(example(name)))
    change(body)
    return body


def native(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Any]:
    """A native request with a reference, changed."""
    return NATIVE, changed("OneReferenceRequest", change)


def chat(change: Callable[[dict[str, Any]], Any]) -> tuple[str, Any]:
    """A chat request with a reference, changed."""
    return CHAT, changed("ChatReferenceRequest", change)


def inline(body: dict[str, Any]) -> dict[str, Any]:
    """The reference of a native request."""
    found: dict[str, Any] = body["contents"][0]["parts"][1]["inline_data"]
    return found


def asking(prompt: str, *, ratio: str = "1:1", size: str = "1K") -> dict[str, Any]:
    """A native request for a picture."""
    shape = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": ratio, "imageSize": size}}
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": shape}


def log(url: str, word: str = "") -> list[dict[str, Any]]:
    """What the sandbox was asked, of the prompts that hold a word."""
    entries = httpx.get(f"{url}/sandbox/requests").json()
    return [entry for entry in entries if word in str(entry.get("prompt", ""))]
