"""The beginning of a port, with nothing but sockets, JSON and `select`, as any language has them.

The adapter comes first: it connects in the clear (`secure`) and lives on the runner's clock. Below it stands as much of
a library as draws from a prompt and repeats what may be repeated. What fails next says what to add; these
pass, and some forty more:

    call-prompt-only error-405 repeat-429-retry-after repeat-dns repeat-connect-refused repeat-connect-timeout
    repeat-reset-never repeat-cut-body-never repeat-read-timeout-never repeat-read-timeout-in-the-body-never
"""

import base64
import hashlib
import json
import os
import select
import socket
import sys

heard, now = b"", 0.0  # what came on stdin and is not read yet; seconds since the case began


def say(**message):
    os.write(1, json.dumps(message).encode() + b"\n")


def hear():
    global heard, now
    while b"\n" not in heard:
        heard += os.read(0, 65536) or sys.exit()
    line, _, heard = heard.partition(b"\n")
    message = json.loads(line)
    now = message.get("clock", now) if message["type"] != "run" else 0.0
    if message["type"] == "tick":
        say(type="ticked")
    return message


def connect(host):
    say(type="connect", host=host, port=443, secure=True)
    way = hear()
    if "fail" in way:
        raise ConnectionError(way["fail"])
    return socket.create_connection((way["host"], way["port"]))


def received(connection, deadline):
    """What comes on a connection until its end. stdin is listened to meanwhile: the clock may move."""
    while now < deadline:
        if 0 in select.select([0, connection], [], [])[0]:
            hear()
        elif piece := connection.recv(65536):
            yield piece
        else:
            return
    raise DrawError("APITimeoutError", "unknown")


def sleep(seconds):
    say(type="sleep", seconds=seconds)
    hear()


def outcome(action, client):
    if action["method"] != "generate":
        raise NotImplementedError(action["method"])
    try:
        return {"result": draw(client["api_key"], **action["arguments"])}
    except DrawError as error:
        return {"error": error.fields}


def main():
    hear()
    say(type="hello", protocol=1, name="the smallest", version="1", features=["clock"])
    while True:
        run = hear()
        try:
            say(type="done", outcomes=[outcome(action, run["client"]) for action in run["do"]])
        except Exception as exc:
            say(type="broken", why=repr(exc))


# The library


class DrawError(Exception):
    def __init__(self, name, billed="no", status=None, code=None, retry_after=None):
        self.fields = {"class": name, "words": name, "billed": billed, "status": status, "code": code}
        self.fields["retry_after"] = retry_after


def draw(key, prompt):
    config = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}}
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": config}
    back_offs, deadline = [0.5, 1], now + 600
    while True:
        try:
            return generation(post(key, json.dumps(body).encode(), deadline))
        except DrawError as error:
            if error.fields["class"] not in ("APIConnectionError", "RateLimitError") or not back_offs:
                raise
            back_off = back_offs.pop(0)
            sleep(error.fields["retry_after"] or back_off)


def post(key, body, deadline):
    host, path = "api.getinfinityblue.com", "/v1beta/models/nanobanana:generateContent"
    head = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}", "Content-Type: application/json"]
    try:
        connection = connect(host)
    except OSError:
        raise DrawError("APIConnectionError") from None
    try:
        connection.sendall("\r\n".join([*head, f"Content-Length: {len(body)}\r\n\r\n"]).encode() + body)
        head, _, body = b"".join(received(connection, deadline)).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {line.split(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        if len(body) != int(headers["content-length"]):
            raise ConnectionError
    except (OSError, KeyError):
        raise DrawError("OutcomeUnknownError", "unknown") from None
    status, answer = int(first.split(" ")[1]), json.loads(body or b"{}")
    if status == 200:
        return answer
    names = {400: "BadRequestError", 401: "AuthenticationError", 429: "RateLimitError"}
    name, billed = names.get(status, "APIStatusError"), "no"
    if status >= 500:
        name, billed = "ServerError", "unknown"
    later = headers.get("retry-after")
    raise DrawError(name, billed, status, answer.get("error", {}).get("code"), later and float(later))


def generation(answer):
    candidate, counts = answer["candidates"][0], answer["usageMetadata"]
    images = [base64.b64decode(part["inlineData"]["data"]) for part in candidate["content"]["parts"]]
    names = {"prompt": "promptTokenCount", "candidates": "candidatesTokenCount", "total": "totalTokenCount"}
    return {
        "images": [{"type": "image/png", "sha256": hashlib.sha256(image).hexdigest()} for image in images],
        "finish_reason": candidate["finishReason"],
        "usage": {f"{name}_tokens": counts[field] for name, field in names.items()},
        "text": "",
        "thoughts": "",
        "drafts": [],
        "request_id": None,
        "model": "nanobanana",
    }


main()
