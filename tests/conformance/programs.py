"""What the tests of the runner share: a case, programs that do their part or do not, and the command."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADAPTER = [sys.executable, str(ROOT / "conformance" / "adapters" / "python.py")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8ISfHwMDAxMDAwMDAAAANBAEIf62CUQAAAABJRU5ErkJggg=="
DIGEST = "62a58589fb74ddca750bdebc0609009ba2ca2d219cb92eec4d88f2714fdf407e"
PATH = "/v1beta/models/nanobanana:generateContent"

GENERATE = {
    "id": "one",
    "do": [{"method": "request", "arguments": {"prompt": "a"}, "expect": {"request": {"model": "m"}}}],
}


def good_case():
    """A case that passes and has an expectation of nearly every kind."""
    return {
        "id": "good",
        "do": [
            {"method": "conversation"},
            {
                "method": "say",
                "arguments": {"prompt": "Draw a cat"},
                "expect": {
                    "result": {
                        "images": [{"type": "image/png", "sha256": DIGEST, "width": 2, "height": 2}],
                        "drafts": [],
                        "text": "Here.",
                        "thoughts": "",
                        "finish_reason": None,
                        "usage": {"prompt_tokens": None, "candidates_tokens": None, "total_tokens": 7},
                        "request_id": "r-1",
                        "model": "nanobanana",
                        "metadata": {"modelVersion": "m"},
                    }
                },
            },
            {"method": "save", "arguments": {"path": "cat"}, "expect": {"saved": "cat.png"}},
            {"method": "undo"},
            {"method": "turns", "expect": {"turns": []}},
            {
                "method": "request",
                "arguments": {"prompt": "Draw a cat"},
                "expect": {"request": {"model": "nanobanana", "include_thoughts": False}},
            },
            {
                "method": "say",
                "arguments": {"prompt": "Draw"},
                "expect": {
                    "error": {
                        "class": "BadRequestError",
                        "billed": "no",
                        "status": 400,
                        "code": "invalid_image",
                        "retry_after": None,
                        "param": "contents",
                        "says": ["not nice"],
                        "says_not": ["nothing of the kind"],
                    }
                },
            },
        ],
        "exchange": [
            {"request": {"origin": "https://api.getinfinityblue.com"}, "failure": "connect_refused"},
            {
                "request": {
                    "path": PATH,
                    "origin": "https://api.getinfinityblue.com",
                    "headers": {"content-type": "application/json", "cookie": None},
                    "json": {
                        "contents": [{"role": "user", "parts": [{"text": "Draw a cat"}]}],
                        "generationConfig": {
                            "responseModalities": ["TEXT", "IMAGE"],
                            "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"},
                        },
                    },
                },
                "response": {
                    "status": 200,
                    "headers": {"x-request-id": "r-1"},
                    "json": {
                        "candidates": [{"content": {"parts": [{"text": "Here."}, {"inlineData": {"data": PIXEL}}]}}],
                        "usageMetadata": {"totalTokenCount": 7},
                        "modelVersion": "m",
                    },
                },
            },
            {
                "request": {"path": PATH},
                "response": {
                    "status": 400,
                    "json": {"error": {"message": "not nice", "code": "invalid_image", "param": "contents"}},
                },
            },
        ],
        "waits": [0.5],
        "files": {"cat.png": DIGEST},
    }


def adapter(tmp_path, body, name="test"):
    """A program that greets in order and then does something else."""
    script = tmp_path / f"{name}.py"
    script.write_text(
        "import json, os, sys, time, socket\n"
        "def say(**m): print(json.dumps(m), flush=True)\n"
        "hello = json.loads(input())\n"
        f"say(type='hello', protocol=1, name='{name}', version='1', features=[])\n"
        f"for line in sys.stdin:\n    run = json.loads(line)\n{body}"
    )
    return [sys.executable, str(script)]


def written(tmp_path, *cases):
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "cases.json").write_text(json.dumps(cases))
    return folder


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "conformance", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
