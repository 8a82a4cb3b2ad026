"""Page: what came in, with its pictures, live, in a real browser, and safe whatever the prompts say."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import nanobanana_sandbox as package
import pytest
from nanobanana_sandbox.contract import values
from selenium import webdriver
from selenium.webdriver.common.by import By

from ..browser import seen_as, until
from .asking import CHAT, NATIVE, PRO, asking, log, post

HOSTILE = '</script><script>document.title="owned"</script><img src=http://127.0.0.1:9/x onerror="document.title=1">'


@pytest.fixture
def sandbox() -> Iterator[str]:
    """A sandbox of its own, whose log is empty."""
    with package.serve() as url:
        yield url


def _opened(chromium: webdriver.Chrome, url: str, width: int = 1280, scheme: str = "light") -> webdriver.Chrome:
    seen_as(chromium, width, scheme)
    chromium.get(url + "/")
    until(chromium, lambda: "request" in _said(chromium).lower())
    return chromium


def _said(page: webdriver.Chrome) -> str:
    return page.find_element(By.TAG_NAME, "output").text


def _rows(page: webdriver.Chrome) -> list[str]:
    # At once: a row is replaced when its answer is there.
    script = "return [...document.querySelectorAll('.request:not([hidden])')].map(row => row.textContent)"
    rows: list[str] = page.execute_script(script)
    return rows


def _fill(url: str) -> None:
    for prompt, ratio in (
        ("Draw a cat on a rooftop", "16:9"),
        ("画一只坐在屋顶上的猫", "1:1"),
        ("ثعلب أحمر نائم", "9:16"),
        (HOSTILE, "4:3"),
    ):
        post(url, NATIVE, asking(prompt, ratio=ratio))
    post(url, PRO, {**asking("Draw with an unknown key"), "safetySettings": []})
    post(url, CHAT, {"model": "nanobanana_2", "messages": [{"role": "user", "content": "Draw [sandbox:quota]"}]})
    post(url, NATIVE, asking("Draw [sandbox:unavailable]"))
    post(url, NATIVE, asking("Draw", size="9000K"))
    httpx.post(url + "/v1/images/generations")


def test_requests_appear_while_one_looks(chromium: webdriver.Chrome, sandbox: str) -> None:
    """The page says how to begin, shows each request with its picture when it comes, and forgets all when told to."""
    page = _opened(chromium, sandbox)
    assert _said(page) == "No requests"
    how = page.find_element(By.ID, "how").text
    assert f"INFINITYBLUE_BASE_URL={sandbox}" in how
    post(sandbox, NATIVE, asking("Draw a cat"))
    until(page, lambda: _said(page) == "1 request")
    assert not page.find_element(By.ID, "how").is_displayed()
    (row,) = _rows(page)
    for words in (
        "200",
        "Draw a cat",
        "nanobanana · 1:1 · 1K · req_",
        "POST /v1beta/models/nanobanana:generateContent",
    ):
        assert words in row
    picture = "const image = document.querySelector('.request img'); return image.complete && image.naturalWidth"
    until(page, lambda: page.execute_script(picture) == 512)
    whole = page.find_element(By.CSS_SELECTOR, ".request a").get_attribute("href") or ""
    assert httpx.get(whole).headers["content-type"] == "image/png"
    post(sandbox, NATIVE, asking("Draw another"))
    until(page, lambda: _said(page) == "2 requests")
    assert ["another" in row for row in _rows(page)] == [True, False]
    page.find_element(By.ID, "clear").click()
    until(page, lambda: _said(page) == "No requests")
    assert _rows(page) == []
    assert httpx.get(f"{sandbox}/sandbox/requests").json() == []


def test_request_under_way_is_shown_and_then_its_answer(chromium: webdriver.Chrome, sandbox: str) -> None:
    """A slow call is there from its beginning, in the place where its answer will stand."""
    page = _opened(chromium, sandbox)
    thread = threading.Thread(target=post, args=(sandbox, NATIVE, asking("Draw [sandbox:slow=3]")))
    thread.start()
    until(page, lambda: len(_rows(page)) == 1)
    assert "under way" in _rows(page)[0]
    thread.join()
    until(page, lambda: "200" in _rows(page)[0])
    assert len(_rows(page)) == 1


def test_refusals_tell_their_reason_and_words_narrow_down(chromium: webdriver.Chrome, sandbox: str) -> None:
    """Errors stand with code and message, unknown keys are named, and a filter finds by any word."""
    _fill(sandbox)
    page = _opened(chromium, sandbox)
    until(page, lambda: _said(page) == "9 requests")
    field = page.find_element(By.NAME, "text")
    for typed, words in (
        ("quota", "insufficient_quota: "),
        ("503", "service_unavailable"),
        ("9000K", f'must be one of {", ".join(values("ImageSize"))}, not "9000K"'),
        ("401", "missing_authorization"),
        ("unknown key", "Not in the contract, and passed over: safetySettings"),
        ("屋顶", "1:1"),
    ):
        field.clear()
        field.send_keys(typed)
        until(page, lambda: _said(page) == "Showing 1 of 9 requests")
        assert words in _rows(page)[0]
    (entry,) = [entry for entry in log(sandbox) if entry.get("code") == "insufficient_quota"]
    field.clear()
    field.send_keys(entry["request_id"])
    until(page, lambda: len(_rows(page)) == 1 and entry["request_id"] in _rows(page)[0])


def test_hostile_prompt_is_only_words(chromium: webdriver.Chrome, sandbox: str) -> None:
    """A prompt full of markup is shown as it is, runs nothing and fetches nothing, nor does the page from elsewhere."""
    _fill(sandbox)
    chromium.get("about:blank")  # or the page of the test before would go on asking
    chromium.get_log("performance")
    chromium.get_log("browser")
    page = _opened(chromium, sandbox)
    until(page, lambda: any(HOSTILE in row for row in _rows(page)))
    assert page.title == "NanoBanana sandbox"
    events = [json.loads(line["message"])["message"] for line in page.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in sent if not url.startswith((sandbox + "/", "data:"))] == []
    assert page.get_log("browser") == []
    assert "frame-ancestors 'none'" in httpx.get(sandbox).headers["content-security-policy"]


def test_page_survives_the_end_of_the_sandbox(chromium: webdriver.Chrome) -> None:
    """When the sandbox is gone, the page says so and goes on trying."""
    with package.serve() as url:
        page = _opened(chromium, url)
        port = int(url.rsplit(":", 1)[1])
    until(page, lambda: _said(page) == "The sandbox does not answer; trying again")
    with package.serve(port) as url:
        post(url, NATIVE, asking("Draw again"))
        until(page, lambda: _said(page) == "1 request")


def test_page_of_this_machine_makes_a_picture(
    chromium: webdriver.Chrome, nanobanana_sandbox: str, tmp_path: Path
) -> None:
    """A page under development on another port calls the sandbox from a browser, key, headers and all."""
    (tmp_path / "index.html").write_text("<!doctype html><title>mine</title>")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            chromium.get(f"http://localhost:{server.server_port}/index.html")
            got = chromium.execute_async_script(
                """const [url, body, done] = arguments;
                fetch(url, {method: "POST", body, headers: {"Authorization": "Bearer sk-x", "Content-Type": "application/json"}})
                  .then(async answer => done([answer.status, answer.headers.get("x-request-id"), (await answer.json()).candidates.length]))
                  .catch(error => done(String(error)));""",
                nanobanana_sandbox + NATIVE,
                json.dumps(asking("Draw")),
            )
        finally:
            server.shutdown()
            thread.join()
    assert got[0] == 200
    assert got[1].startswith("req_")
    assert got[2] == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_fits_the_screen(chromium: webdriver.Chrome, sandbox: str, tmp_path: Path, width: int, scheme: str) -> None:
    """From a phone's width on, in light and dark, empty and full, nothing sticks out to the side."""
    page = _opened(chromium, sandbox, width, scheme)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    _fill(sandbox)
    until(page, lambda: _said(page) == "9 requests")
    page.save_screenshot(str(tmp_path / f"sandbox-{width}-{scheme}.png"))
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    colour = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, colour[4:-1].split(","))) > 380) == (scheme == "light")
