"""Plays the conformance vectors to both clients; docs/porting.md says how they are read."""

import asyncio
import base64
import hashlib
import json
import ssl
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from jsonschema import validate
from nanobanana import AsyncNanoBanana, NanoBanana, NanoBananaError
from nanobanana._call import transport
from nanobanana._call import tries as retry
from nanobanana._formats import refusals as faults

FILES = {p.name: p.read_text("utf-8") for p in sorted((Path(__file__).parent / "vectors").glob("*.json"))}
SCHEMA = json.loads(FILES.pop("schema.json"))
BYTES = {"object_hook": lambda read: base64.b64decode(read["$base64"]) if "$base64" in read else read}
CASES = [case for text in FILES.values() for case in json.loads(text, **BYTES)]
LOST = {"read_timeout": httpx.ReadTimeout, "reset": httpx.ReadError, "cut_body": httpx.RemoteProtocolError}
SEEN = {
    "class": lambda outcome, want: type(outcome).__name__,
    "status": lambda outcome, want: getattr(outcome, "status_code", None),
    "images": lambda outcome, want: [*map(picture, outcome.images[:-1]), picture(outcome.image)],
    "drafts": lambda outcome, want: [*map(picture, outcome.drafts)],
    "usage": lambda outcome, want: {name: getattr(outcome.usage, name) for name in want},
    "metadata": lambda outcome, want: {name: outcome.metadata.get(name) for name in want},
    "says": lambda outcome, want: [words for words in want if words in str(outcome)],
    "says_not": lambda outcome, want: [words for words in want if words not in f"{outcome} {vars(outcome)}"],
}


def picture(image):
    url = getattr(image, "url", None)
    return {"url": url} if url else {"type": image.mime_type, "sha256": hashlib.sha256(image.data).hexdigest()}


class CutStream(httpx.ByteStream):
    def __iter__(self):
        yield from super().__iter__()
        raise self.error

    async def __aiter__(self):
        for piece in self:
            yield piece


async def play(steps, passed, sent):
    step, url = steps.pop(0), sent.url  # nothing left to pop: one request more than listed
    want, listed, failure = step["request"], step.get("response"), step.get("failure", "")
    seen = {"method": sent.method, "path": url.raw_path.decode(), "origin": f"{url.scheme}://{url.netloc.decode()}"}
    seen["headers"] = {name: sent.headers.get(name) for name in want.get("headers", ())}
    seen["json"] = json.loads(sent.content)
    assert json.dumps({key: seen[key] for key in want}, sort_keys=True) == json.dumps(want, sort_keys=True)
    passed.append(step.get("after", 0))
    if listed or failure in LOST:
        await (sent.extensions["trace"]("http11.send_request_headers.started", {"request": sent}) or asyncio.sleep(0))
    error = LOST.get(failure, httpx.ConnectTimeout if "timeout" in failure else httpx.ConnectError)(failure)
    if not listed:
        raise error from (ssl.SSLError() if failure == "tls" else None)
    text = json.dumps(listed["json"], ensure_ascii=False) if "json" in listed else listed.get("text", "")
    stream = (CutStream if failure else httpx.ByteStream)(listed.get("bytes", text.encode()))
    stream.error = error
    return httpx.Response(listed["status"], headers=listed.get("headers"), stream=stream)


def test_files_fit_the_schema():
    """Every file fits the schema, which knows each key, and every case has an id of its own."""
    for text in FILES.values():
        validate(json.loads(text), SCHEMA)
    assert 100 <= len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("client_class", [NanoBanana, AsyncNanoBanana])
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_vector(case, client_class, monkeypatch):
    """A call does what its vector says: on the wire, to its caller and between its tries."""
    steps, waits, passed, send = list(case["exchange"]), [], [], None
    now = retry.Clock(lambda: sum(waits + passed), waits.append, lambda s: asyncio.sleep(0, waits.append(s)), lambda: 1)
    wall = {"now": lambda zone: datetime.fromtimestamp(1767225600 + now.monotonic(), zone)}
    patch = monkeypatch.setattr
    patch(retry, "CLOCK", now)
    patch(faults, "datetime", type("Wall", (), wall))
    patch(transport, "sync_transport", lambda _: httpx.MockTransport(lambda r: asyncio.run(play(steps, passed, r))))
    patch(transport, "async_transport", lambda _: httpx.MockTransport(lambda r: play(steps, passed, r)))
    call, expect = case["call"], case["expect"]
    for arguments, turn in zip(call.get("sends", [call["arguments"]]), expect.get("turns", [expect]), strict=True):
        try:
            if send is None:
                client = client_class(**{"api_key": "sk-vector"} | case.get("client", {}))
                send = client.conversation(**call["arguments"]).send if "sends" in call else client.generate
            outcome = send(**arguments)
            outcome = asyncio.run(outcome) if asyncio.iscoroutine(outcome) else outcome
        except NanoBananaError as error:
            outcome = error
        want = turn.get("error") or turn["result"]
        assert isinstance(outcome, NanoBananaError) == ("error" in turn), repr(outcome)
        assert {k: SEEN[k](outcome, v) if k in SEEN else getattr(outcome, k, None) for k, v in want.items()} == want
    assert (steps, waits) == ([], expect["waits"])
