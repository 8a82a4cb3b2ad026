"""Contract edits: the sandbox follows openapi.yaml, with values and operations that nobody foresaw, and needs no facade."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nanobanana_sandbox
import pytest
import yaml
from nanobanana_sandbox.contract import document
from PIL import Image

from .asking import CHAT, NATIVE, asking, post

SERVE = """
import nanobanana_sandbox, sys
with nanobanana_sandbox.serve() as url:
    print(url, flush=True)
    sys.stdin.read()
"""
WITHOUT_FACADE = "import sys; sys.modules['nanobanana'] = None\n"


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox on an edited copy of the contract, in a process where the facade cannot be imported."""
    folder = tmp_path_factory.mktemp("edited")
    contract: dict[str, Any] = json.loads(json.dumps(document()))
    schemas = contract["components"]["schemas"]
    schemas["ImageSize"]["enum"] = ["auto", "512", "0.5K", "2K", "64K"]
    schemas["AspectRatio"]["enum"] = ["21:9", "auto", "1:8"]
    schemas["NativeModel"]["enum"].append("nanobanana_3")
    schemas["ChatModel"]["enum"].append("nanobanana_3")
    schemas["ImageConfig"]["properties"]["negativePrompt"] = {"type": "string"}
    answer = {"200": {"description": "The models."}}
    contract["paths"]["/v1/models"] = {"get": {"operationId": "listModels", "responses": answer}}
    package = folder / "nanobanana_api"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "openapi.yaml").write_text(yaml.safe_dump(contract), "utf-8")
    sandbox = Path(nanobanana_sandbox.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{sandbox}"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_FACADE + SERVE], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            _, complaint = process.communicate(timeout=30)
    assert complaint == ""


def _size(answer: httpx.Response) -> tuple[int, int]:
    data = answer.json()["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return image.size


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        ("auto", "auto", (1024, 1024)),
        ("auto", "512", (512, 512)),
        ("auto", "0.5K", (512, 512)),
        ("21:9", "2K", (3136, 1344)),
        ("1:8", "512", (184, 1472)),
    ],
)
def test_odd_values_are_painted(edited: str, ratio: str, size: str, expected: tuple[int, int]) -> None:
    """Sizes and ratios that the contract gained are taken and painted sensibly, also where they name no pixels."""
    answer = post(edited, NATIVE, asking("Draw", ratio=ratio, size=size))
    assert answer.status_code == 200
    assert _size(answer) == expected


def test_values_that_went_are_refused_with_the_new_list(edited: str) -> None:
    """What the contract lost is refused, and the message has the list of today."""
    message = post(edited, NATIVE, asking("Draw", ratio="21:9", size="1K")).json()["error"]["message"]
    assert 'one of auto, 512, 0.5K, 2K, 64K, not "1K"' in message


def test_chat_without_a_shape_takes_the_nearest_to_a_square(edited: str) -> None:
    """The default is taken from the lists as well."""
    body = {"model": "nanobanana", "messages": [{"role": "user", "content": "Draw"}]}
    assert post(edited, CHAT, body).status_code == 200
    entry = httpx.get(f"{edited}/sandbox/requests").json()[-1]
    assert (entry["aspect_ratio"], entry["image_size"]) == ("auto", "auto")


def test_new_model_draws(edited: str) -> None:
    """A model that the contract gained draws in both formats."""
    body = {"model": "nanobanana_3", "messages": [{"role": "user", "content": "Draw"}]}
    assert post(edited, CHAT, body).status_code == 200
    answer = post(edited, NATIVE.replace("nanobanana:", "nanobanana_3:"), asking("Draw", ratio="auto", size="512"))
    assert _size(answer) == (512, 512)


def test_new_field_is_known_in_either_case(edited: str) -> None:
    """A field that the contract gained is held to its schema, whichever case it comes in."""
    body = asking("Draw", ratio="auto", size="512")
    body["generationConfig"]["imageConfig"]["negative_prompt"] = 3
    error = post(edited, NATIVE, body).json()["error"]
    assert error["param"] == "generationConfig.imageConfig.negative_prompt"


def test_operation_that_is_not_played_is_said(edited: str) -> None:
    """An operation that the contract gained gets a 501 in words; another method on it, the one that there is."""
    headers = {"Authorization": "Bearer sk-x"}
    answer = httpx.get(f"{edited}/v1/models", headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (501, "not_implemented")
    assert "GET /v1/models" in error["message"]
    assert NATIVE.replace("nanobanana:", "{model}:") in error["message"]
    wrong = httpx.post(f"{edited}/v1/models", headers=headers)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")
    assert httpx.get(f"{edited}/v1/models").status_code == 401
