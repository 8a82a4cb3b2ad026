"""The other answers: everything but a good picture, chosen by the prompt or by a header.

A prompt that holds `[sandbox:NAME]`, or the request header `X-Sandbox: NAME`, selects one; some take a number, as in
`[sandbox:slow=3]`.
"""

from __future__ import annotations

import re

from attrs import evolve, frozen

from .violation import refuse

_IN_PROMPT = re.compile(r"\[\s*sandbox\s*[:=]([^\]\n]{0,80})(\]?)", re.IGNORECASE)
_NAME = re.compile(r"([a-z0-9-]+)(?:=(\d{1,18}(?:\.\d{1,9})?))?")
_LONGEST = 3600.0  # seconds that `slow` may take


@frozen
class Scenario:
    """One of the other answers. `error` names an example in openapi.yaml that is its body."""

    name: str
    summary: str
    status: int = 200
    error: str = ""
    retry_after: str = ""
    number: float = 0.0

    @property
    def takes_number(self) -> bool:
        return bool(self.retry_after or self.number)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("no-image", "200 without a picture, finish reason NO_IMAGE"),
        Scenario("text-only", "200 with a refusal in words"),
        Scenario("blocked-prompt", "200, the prompt was blocked (PROHIBITED_CONTENT)"),
        Scenario("withheld", "200, the picture was withheld (IMAGE_SAFETY)"),
        Scenario("no-candidates", "200 with nothing in it"),
        Scenario("remote-image", "200 with the address of a picture instead of its bytes"),
        Scenario("several-images", "200 with two pictures, the last of them final"),
        Scenario("wrong-type", "200 with a picture whose stated type is wrong"),
        Scenario("bad-base64", "200 with a picture whose Base64 is damaged"),
        Scenario("error-in-200", "200 with an error body"),
        Scenario("not-json", "200 with an HTML page"),
        Scenario("bad-request", "400 invalid_parameter", 400, "InvalidParameterError"),
        Scenario("content-policy", "400 content_policy_violation", 400, "ContentPolicyError"),
        Scenario("unauthorized", "401 invalid_api_key", 401, "InvalidKeyError"),
        Scenario("forbidden", "403 model_not_accessible", 403, "ModelNotAccessibleError"),
        Scenario("not-found", "404 model_not_found", 404, "ModelNotFoundError"),
        Scenario("too-large", "413", 413, "PayloadTooLargeError"),
        Scenario("rate-limit", "429 rate_limit_exceeded with Retry-After: N (default 1)", 429, "RateLimitError", "1"),
        Scenario("rate-limit-once", "the same, for the first call with this very body", 429, "RateLimitError", "1"),
        Scenario("quota", "429 insufficient_quota", 429, "QuotaError"),
        Scenario("internal-error", "500 internal_error", 500, "InternalError"),
        Scenario("bad-gateway", "502 upstream_error", 502, "UpstreamError"),
        Scenario("unavailable", "503 service_unavailable", 503, "UnavailableError"),
        Scenario("busy", "503 service_unavailable with Retry-After: N (default 1)", 503, "UnavailableError", "1"),
        Scenario("upstream-timeout", "504 upstream_timeout", 504, "UpstreamTimeoutError"),
        Scenario("cloudflare", "524 with a page of HTML", 524),
        Scenario("slow", "a good answer after N seconds (default 5)", number=5.0),
        Scenario("cut-body", "a good answer that breaks off in the middle"),
    )
}

MAGIC_KEYS = {
    "sk-sandbox-unauthorized": SCENARIOS["unauthorized"],
    "sk-sandbox-forbidden": SCENARIOS["forbidden"],
    "sk-sandbox-quota": SCENARIOS["quota"],
}


def select(prompt: str, header: str | None) -> Scenario | None:
    """The scenario that a prompt or the header asks for.

    Raises: RefusedError where there is none of that name, or it is written in another way than it is read.
    """
    if header is not None and header.strip():
        return _named(header.strip(), f"X-Sandbox: {header}", "X-Sandbox")
    found = {match[0]: match for match in _IN_PROMPT.finditer(prompt)}
    if len(found) > 1:
        raise refuse("invalid_parameter", f"One scenario at a time, not {' and '.join(list(found)[:3])}")
    for written, match in found.items():
        if not written.startswith("[sandbox:") or not match[2]:
            raise refuse("invalid_parameter", f"{written} is not how a scenario is written; {_HOW}")
        return _named(match[1], written)
    return None


def _named(text: str, written: str, param: str | None = None) -> Scenario:
    parts = _NAME.fullmatch(text)
    scenario = SCENARIOS.get(parts[1]) if parts else None
    if parts is None or scenario is None:
        raise refuse("invalid_parameter", f"The sandbox knows no {written[:100]}; {_HOW}", param)
    if parts[2] is None:
        return scenario
    number = float(parts[2])
    if not scenario.takes_number or (scenario.name == "slow" and number > _LONGEST):
        why = f"takes at most {_LONGEST:.0f}" if scenario.takes_number else "takes no number"
        raise refuse("invalid_parameter", f"{written[:100]}: {scenario.name} {why}", param)
    return evolve(scenario, retry_after=parts[2] if scenario.retry_after else "", number=number)


_HOW = "write [sandbox:NAME], or [sandbox:NAME=3] where it takes a number, with a name of " + ", ".join(SCENARIOS)
