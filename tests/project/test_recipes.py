"""The web service of the recipes, asked over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"


@pytest.fixture
def service(nanobanana_sandbox: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service, as the page has it."""
    monkeypatch.setenv("INFINITYBLUE_BASE_URL", nanobanana_sandbox)
    monkeypatch.setenv("INFINITYBLUE_API_KEY", "sk-sandbox")
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S) if "FastAPI(" in code]
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    with TestClient(names["app"]) as client:
        yield client


def test_the_service_gives_a_picture(service: Any) -> None:
    """A prompt is answered with the picture, under its own type."""
    answer = service.post("/pictures", params={"prompt": "Draw a mug"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("prompt", "status", "billed"),
    [
        (" ", 422, "no"),
        ("Draw [sandbox:rate-limit=1]", 429, "no"),
        ("Draw [sandbox:quota]", 502, "no"),
        ("Draw [sandbox:internal-error]", 502, "unknown"),
    ],
)
def test_the_service_says_what_may_have_been_billed(service: Any, prompt: str, status: int, billed: str) -> None:
    """An error is answered with a status of its kind, and with whether it may have cost something."""
    answer = service.post("/pictures", params={"prompt": prompt})
    assert (answer.status_code, answer.json()["billed"]) == (status, billed)
    assert (answer.headers.get("retry-after") == "1") == ("rate-limit" in prompt)
