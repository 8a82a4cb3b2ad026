"""The beginning of an adapter: one method, no thread. What fails next says what to add (`python.py` has it all)."""

import hashlib
import json
import ssl
import sys
from datetime import UTC, datetime, timedelta

import attrs
from nanobanana import NanoBanana, NanoBananaError
from nanobanana._call.clock import Clock

now = 0.0  # seconds since the case began


def say(**message):
    print(json.dumps(message), flush=True)


def hear():
    global now
    message = json.loads(sys.stdin.readline() or "null")
    if message and message["type"] in ("go", "awake"):
        now = message["clock"]
    return message


def reroute(host, port):
    say(type="connect", host=host, port=port)
    way = hear()
    if "fail" in way:
        raise OSError(way["fail"])
    return way["host"], way["port"]


def sleep(seconds):
    say(type="sleep", seconds=seconds)
    hear()


def seen(generation):
    pictures = [
        {"type": image.mime_type, "sha256": hashlib.sha256(image.data).hexdigest()} for image in generation.images
    ]
    names = ("text", "thoughts", "finish_reason", "request_id", "model", "metadata")
    fields = {name: getattr(generation, name) for name in names}
    return {"images": pictures, "drafts": [], "usage": attrs.asdict(generation.usage), **fields}


def play(run, context):
    clock = Clock(
        lambda: now, lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=now), sleep, random=lambda: 1
    )
    client = NanoBanana._wired(clock=clock, reroute=reroute, ssl_context=context, **run["client"])
    for action in run["do"]:
        try:
            yield {"result": seen(client.generate(**action["arguments"]))}
        except NanoBananaError as error:
            fields = {name: getattr(error, name, None) for name in ("billed", "code", "retry_after")}
            status = getattr(error, "status_code", None)
            yield {"error": {"class": type(error).__name__, "words": str(error), "status": status, **fields}}


context = ssl.create_default_context(cadata=hear()["ca"])
say(type="hello", protocol=1, name="the smallest", version="1", features=[])
while run := hear():
    now = 0.0
    say(type="done", outcomes=list(play(run, context)))
