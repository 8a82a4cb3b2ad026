"""Scenarios: every answer that a client must stand, chosen by the prompt, a header or a key."""

from __future__ import annotations

from typing import Any

import nanobanana
import pytest
from nanobanana import NanoBanana, NanoBananaError
from nanobanana_sandbox.contract import example
from nanobanana_sandbox.scenarios import SCENARIOS

from ..conftest import KEY
from .asking import NATIVE, asking, post

EXPECTED = {
    "no-image": "NoImageError",
    "text-only": "NoImageError",
    "blocked-prompt": "PromptBlockedError",
    "withheld": "ContentBlockedError",
    "no-candidates": "NoImageError",
    "bad-base64": "UnusableResponseError",
    "error-in-200": "UnusableResponseError",
    "not-json": "UnusableResponseError",
    "bad-request": "BadRequestError",
    "content-policy": "ContentPolicyError",
    "unauthorized": "AuthenticationError",
    "forbidden": "PermissionDeniedError",
    "not-found": "NotFoundError",
    "too-large": "PayloadTooLargeError",
    "rate-limit": "RateLimitError",
    "quota": "QuotaExceededError",
    "internal-error": "ServerError",
    "bad-gateway": "ServerError",
    "unavailable": "ServerError",
    "busy": "ServerError",
    "upstream-timeout": "ServerError",
    "cloudflare": "ServerError",
    "cut-body": "OutcomeUnknownError",
    "slow": None,
    "rate-limit-once": None,
    "several-images": None,
    "wrong-type": None,
    "remote-image": None,
}


def test_every_scenario_is_tried() -> None:
    """No scenario of the sandbox goes without a test."""
    assert set(EXPECTED) == set(SCENARIOS)


@pytest.mark.parametrize("model", ["nanobanana", "nanobanana_2"])
@pytest.mark.parametrize("scenario", EXPECTED)
def test_scenario_by_prompt(nanobanana_sandbox: str, scenario: str, model: Any) -> None:
    """Each scenario, selected by the prompt, gives the answer it promises in both wire formats."""
    expected = EXPECTED[scenario]
    if (scenario, model) == ("blocked-prompt", "nanobanana_2"):
        expected = "ContentBlockedError"  # the chat format has one word for both
    number = "=0" if scenario in ("slow", "busy", "rate-limit", "rate-limit-once") else ""
    with NanoBanana(KEY, base_url=nanobanana_sandbox) as client:
        if expected is None:
            assert client.generate(f"Draw a cat [sandbox:{scenario}{number}]", model=model).images
            return
        with pytest.raises(NanoBananaError) as caught:
            client.generate(f"Draw a cat [sandbox:{scenario}{number}]", model=model)
        assert type(caught.value) is getattr(nanobanana, expected)


def test_scenario_by_header(nanobanana_sandbox: str) -> None:
    """The header X-Sandbox selects a scenario for clients whose prompt must stay as it is."""
    response = post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), **{"X-Sandbox": "rate-limit=7"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_unknown_scenario_is_said(nanobanana_sandbox: str) -> None:
    """A scenario that does not exist is refused with the names of those that do."""
    response = post(nanobanana_sandbox, NATIVE, example("TextToImageRequest"), **{"X-Sandbox": "nonsense"})
    assert response.status_code == 400
    assert "no-image" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "written",
    [
        "[sandbox:rate_limit]", "[sandbox: quota]", "[sandbox:slow=x]", "[sandbox:slow=]", "[sandbox=quota]", "[Sandbox:quota]",
        "[sandbox:QUOTA]", "[ sandbox:quota ]", "[sandbox:quota", "[sandbox:]", "[sandbox:quota=3]", "[sandbox:slow=99999]",
        "[sandbox:quota] and [sandbox:slow=0]", "[sandbox:no-image, slow]",
    ],
)  # fmt: skip
def test_misspelt_scenario_is_refused_with_the_names(nanobanana_sandbox: str, written: str) -> None:
    """What was meant as a scenario and is none is refused, and says what there is, instead of being drawn in silence."""
    answer = post(nanobanana_sandbox, NATIVE, asking(f"Draw a cat {written}"))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_parameter")
    assert any(words in error["message"] for words in ("no-image", "takes", "One scenario"))


@pytest.mark.parametrize("prompt", ["A child in a [sandbox]", "sandbox: a study", "[box] [sand]", "[sandbox toys]"])
def test_words_that_mean_no_scenario_are_drawn(nanobanana_sandbox: str, prompt: str) -> None:
    """A prompt that only speaks of sandboxes is drawn."""
    assert post(nanobanana_sandbox, NATIVE, asking(prompt)).status_code == 200


@pytest.mark.parametrize("header", ["rate_limit", "quota=3", "slow=x", "Quota", "quota, slow"])
def test_misspelt_header_is_refused_with_the_names(nanobanana_sandbox: str, header: str) -> None:
    """The header is held to the same."""
    error = post(nanobanana_sandbox, NATIVE, asking("Draw"), **{"X-Sandbox": header}).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_parameter", "X-Sandbox")


def test_rate_limit_once_lets_the_second_call_through(nanobanana_sandbox: str) -> None:
    """The same body is turned away once, and drawn when it comes again."""
    body = asking("Draw me on the second try [sandbox:rate-limit-once=7]")
    first, second = (post(nanobanana_sandbox, NATIVE, body) for _ in range(2))
    assert (first.status_code, first.headers["Retry-After"], second.status_code) == (429, "7", 200)


def test_magic_key_has_its_answer_whatever_the_prompt_says(nanobanana_sandbox: str) -> None:
    """A key with an answer of its own has it, also for a prompt with a scenario."""
    key = {"Authorization": "Bearer sk-sandbox-quota"}
    assert post(nanobanana_sandbox, NATIVE, asking("Draw [sandbox:unavailable]"), **key).status_code == 429
