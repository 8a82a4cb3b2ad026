"""Gallery: the page is safe whatever the prompts say, and works in a real browser without a network."""

from __future__ import annotations

import html
import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nanobanana import InvalidRequestError
from nanobanana.batch.gallery import write_gallery
from nanobanana_sandbox.painter import Commission, paint
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from ..browser import seen_as, until

HOSTILE = '</p><script>document.title="owned"</script><img src=http://127.0.0.1:9/x onerror=alert(1)>"\'&`$cards{{x}}'
RATE_LIMIT = {"class": "RateLimitError", "message": "Too many calls at once.", "billed": "no"}
TIME_OUT = {"class": "APITimeoutError", "message": "No answer within 600 s.", "billed": "unknown"}


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """A line of the results: a picture that was made, unless the fields say otherwise."""
    return {
        "id": f"picture-{number}",
        "key": f"{number:032x}",
        "line": number,
        "status": "done",
        "path": f"picture-{number}.png",
        "sha256": f"{number:064x}",
        "tokens": 1290,
        "request_id": f"req-{number}",
        "seconds": 12.34,
        "tries": 1,
        "prompt": f"A boat, number {number}",
        "model": "nanobanana_2",
        "aspect_ratio": "16:9",
        "image_size": "1K",
        "references": 0,
        "error": None,
    } | fields


def write_results(folder: Path, *lines: dict[str, Any] | bytes) -> None:
    """Writes what a batch would have left."""
    encoded = (line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    (folder / "results.jsonl").write_bytes(b"".join(encoded))


def cards(folder: Path) -> list[str]:
    """The page's cards, as HTML."""
    return re.findall(r'<li class="card .*?</li>', write_gallery(folder).read_text("utf-8"), re.DOTALL)


def details(card: str) -> dict[str, str]:
    """What a card tells of its request."""
    return dict(json.loads(html.unescape(re.search(r'data-details="(.*?)"', card).group(1))))


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    """A folder that no batch has written to is refused, and nothing is written to it."""
    with pytest.raises(InvalidRequestError, match=r"no results\.jsonl"):
        write_gallery(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_shows_each_request(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """Each card has its picture, prompt, model, ratio, size, seconds and tokens, in the order of the requests."""
    (tmp_path / "picture-1.png").write_bytes(picture())
    write_results(tmp_path, entry(2, status="failed", path=None, tokens=None, error=RATE_LIMIT), entry(1))
    assert write_gallery(str(tmp_path)) == tmp_path / "index.html"
    first, second = cards(tmp_path)
    assert 'href="./picture-1.png"' in first
    assert ">A boat, number 1<" in first
    assert "nanobanana_2<br>16:9 · 1K · 12.3 s · 1,290 tokens<" in first.replace("\xa0", " ")
    assert details(first)["request id"] == "req-1"
    assert "<b>RateLimitError</b><span>Too many calls at once.</span><span>not billed</span>" in second
    assert "tokens" not in second
    assert "1,290 tokens<" in (tmp_path / "index.html").read_text("utf-8")


def test_tokens_that_nobody_knows_are_not_counted_as_none(tmp_path: Path) -> None:
    """Where something may have been billed that has no tokens to it, the sum says that it may be more."""
    write_results(tmp_path, entry(1), entry(2, status="unknown", path=None, tokens=None, error=TIME_OUT))
    assert "1,290 tokens or more<" in write_gallery(tmp_path).read_text("utf-8")


def test_hostile_text_stays_text(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """Markup in any field is shown as text, and placeholders of the template in it stay as they are."""
    (tmp_path / "picture-1.png").write_bytes(picture())
    names = ("id", "key", "sha256", "request_id", "prompt", "model", "aspect_ratio", "image_size")
    hostile = dict.fromkeys(names, HOSTILE)
    error = dict.fromkeys(("class", "message", "billed"), HOSTILE)
    write_results(
        tmp_path,
        entry(1, **hostile),
        entry(2, **hostile | {"key": "2"}, status="failed", path=None, error=error),
        entry(3, path=HOSTILE),
    )
    page = write_gallery(tmp_path).read_text("utf-8")
    assert page.count("<script") == 1
    assert page.count("<img") == 1
    assert "onerror=" in page
    assert not re.search(r"<[^>]*\sonerror", re.sub(r'"[^"]*"', '""', page))
    assert details(cards(tmp_path)[0])["id"] == HOSTILE


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "a/../../secret.png",
        "..\\secret.png",
        "{}/secret.png",
        "//127.0.0.1/share/secret.png",
        "\\\\127.0.0.1\\share\\secret.png",
        "link.png",
        "javascript:alert(1)//.png",
        "page.html",
        "drawing.svg",
        "nul\0.png",
        "\ud800.png",
        "x" * 5000 + ".png",
        ["secret.png"],
        7,
        None,
    ],
)
def test_no_file_elsewhere_is_shown(tmp_path: Path, picture: Callable[..., bytes], path: Any) -> None:
    """A path that leads out of the folder, or to something that is no picture, is shown as missing, without a link."""
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    for name in ("page.html", "drawing.svg"):
        (folder / name).write_text("<script></script>")
    write_results(folder, entry(1, path=path.format(tmp_path) if isinstance(path, str) else path))
    (card,) = cards(folder)
    assert 'data-status="missing"' in card
    assert "href" not in card
    assert "src=" not in card


def test_names_are_quoted(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """A name with signs that mean something in an address, or in another script, still leads to its file."""
    names = ("a b#1?.png", "100%.png", "猫.png", "sub/javascript:x.png", '"q"&.png')
    (tmp_path / "sub").mkdir()
    shown = [name for name in names if name != "sub/javascript:x.png"] + ["sub/x.png"]
    for name in shown:
        (tmp_path / name).write_bytes(picture())
    write_results(tmp_path, *(entry(at, path=name) for at, name in enumerate(shown)))
    links = re.findall(r'href="(\./.*?)"', "".join(cards(tmp_path)))
    assert links == ["./a%20b%231%3F.png", "./100%25.png", "./%E7%8C%AB.png", "./%22q%22%26.png", "./sub/x.png"]


def test_the_last_line_counts(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """Of several lines on the same request the last one is shown."""
    (tmp_path / "picture-1.png").write_bytes(picture())
    write_results(
        tmp_path, entry(1, status="failed", path=None, error=RATE_LIMIT), entry(2, status="unknown"), entry(1)
    )
    assert [re.search(r'data-status="(\w+)"', card).group(1) for card in cards(tmp_path)] == ["done", "unknown"]


def test_lines_without_a_key_stand_each_for_itself(tmp_path: Path) -> None:
    """Lines of the batch that were refused as wrong have no key, prompt or model, and each has its card."""
    error = {"class": "InvalidRequestError", "message": "it has no prompt", "billed": "no"}
    wrong = ({"line": line, "status": "failed", "id": "", "key": "", "tries": 0, "error": error} for line in (2, 1))
    write_results(tmp_path, *wrong)
    assert [details(card)["line"] for card in cards(tmp_path)] == ["1", "2"]


def test_variations_stand_in_their_order(tmp_path: Path) -> None:
    """Pictures of the same line stand by their number, whichever was made first."""
    write_results(tmp_path, *(entry(at, id=f"cat-{at}", line=1, status="unknown") for at in (10, 2, 1)))
    assert [details(card)["id"] for card in cards(tmp_path)] == ["cat-1", "cat-2", "cat-10"]


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    """Lines that cannot be read are passed over, and the page says how many there were."""
    half = json.dumps(entry(9)).encode()[:50]
    broken = (
        b"[]\n",
        b"null\n",
        b'{"key": "1"}\n',
        b'{"status": "lost", "key": "1"}\n',
        b"\xff\n",
        b"[" * 99999 + b"\n",
    )
    write_results(tmp_path, entry(1), b"\n", *broken, half)
    assert len(cards(tmp_path)) == 1
    assert "Broken lines of results.jsonl passed over: 7<" in (tmp_path / "index.html").read_text("utf-8")


@pytest.mark.parametrize("value", [[], {}, -1, 1e999, float("nan"), 10**400, "\ud800", True])
def test_odd_values_do_no_harm(tmp_path: Path, value: Any) -> None:
    """Fields of a type or size that no batch writes do not keep the page from being written."""
    names = ("id", "line", "tokens", "seconds", "tries", "prompt", "model", "references", "error", "request_id")
    write_results(tmp_path, entry(1, **dict.fromkeys(names, value)), entry(2, error={"class": value, "billed": value}))
    assert len(cards(tmp_path)) == 2


def test_a_missing_picture_is_shown_as_such(tmp_path: Path) -> None:
    """A picture that was made and then removed is neither a broken image nor counted as there."""
    write_results(tmp_path, entry(1))
    (card,) = cards(tmp_path)
    assert '<span class="badge">missing</span>' in card
    assert "its file is not here: picture-1.png" in card
    assert "0 pictures" in (tmp_path / "index.html").read_text("utf-8")


def test_thumbnails_are_small_and_kept(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """A thumbnail is a small WebP file with the picture's shape, made anew only when the picture has changed."""
    source = tmp_path / "picture-1.png"
    source.write_bytes(picture(size=(1600, 900)))
    os.utime(source, (1, 1))
    write_results(tmp_path, entry(1))
    (card,) = cards(tmp_path)
    (thumbnail,) = (tmp_path / ".gallery").iterdir()
    assert f'src="./.gallery/{thumbnail.name}"' in card
    with Image.open(thumbnail) as small:
        assert (small.format, small.size) == ("WEBP", (480, 270))
    made = thumbnail.stat().st_ino
    write_gallery(tmp_path)
    assert thumbnail.stat().st_ino == made
    source.write_bytes(picture(size=(900, 1600)))
    os.utime(source, (2**31, 2**31))
    write_gallery(tmp_path)
    with Image.open(thumbnail) as small:
        assert small.size == (270, 480)


def test_turned_pictures_get_upright_thumbnails(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    """A picture that says it lies on its side gets a thumbnail that stands."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "picture-1.jpg").write_bytes(picture("JPEG", (800, 400), exif=exif))
    write_results(tmp_path, entry(1, path="picture-1.jpg"))
    write_gallery(tmp_path)
    (thumbnail,) = (tmp_path / ".gallery").iterdir()
    with Image.open(thumbnail) as small:
        assert small.size == (240, 480)


@pytest.mark.parametrize("pillow", [True, False])
def test_without_a_thumbnail_the_picture_itself_is_shown(
    tmp_path: Path, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, *, pillow: bool
) -> None:
    """Where Pillow is not installed, or cannot read the picture, the page shows the picture itself."""
    (tmp_path / "picture-1.png").write_bytes(picture()[: 40 if pillow else None])
    write_results(tmp_path, entry(1))
    if not pillow:
        monkeypatch.setitem(sys.modules, "PIL", None)
    (card,) = cards(tmp_path)
    assert 'src="./picture-1.png"' in card
    assert 'loading="lazy"' in card
    assert not (tmp_path / ".gallery").exists()


# In a real browser


PROMPTS = [
    "A red fox asleep in fresh snow, soft morning light, shallow depth of field",
    "Isometric cutaway of a tiny ramen shop at night, warm lanterns, rain on the street, tilt-shift, highly detailed, "
    "with a cat on the counter and handwritten menus on the walls",
    "Logo for a bakery called Dough & Daughters <flat, two colours>",
    "Watercolour map of an island that does not exist",
    "雪の中で眠る赤い狐、柔らかい朝の光",
    "ثعلب أحمر نائم في الثلج",
    "Product photo of a glass teapot on white",
    "Poster: “Learn to swim”, Swiss style, 1962",
]
SHAPES = [("1:1", "1K"), ("16:9", "1K"), ("9:16", "1K"), ("4:3", "1K"), ("21:9", "1K")]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a batch leaves it: pictures of several shapes, failures, an unknown, a missing and a hostile one."""
    folder = tmp_path_factory.mktemp("gallery") / "spring catalogue"
    folder.mkdir()
    lines: list[dict[str, Any] | bytes] = []
    for number in range(1, 25):
        prompt, (ratio, size) = PROMPTS[number % len(PROMPTS)], SHAPES[number % len(SHAPES)]
        shape = {"aspect_ratio": ratio, "image_size": size, "seconds": 4.21 + number}
        line = entry(number, prompt=prompt, path=f"fox #{number}.jpg", references=number % 3, **shape)
        if number in (4, 11):
            line |= {"status": "failed", "path": None, "tokens": None, "error": RATE_LIMIT, "tries": 3}
        elif number == 7:
            line |= {"status": "unknown", "path": None, "tokens": None, "error": TIME_OUT}
        elif number != 9:
            painted = paint(Commission(f"{number}. {prompt}", line["model"], ratio, size), "JPEG")
            (folder / line["path"]).write_bytes(painted)
        lines.append(line)
    (folder / "fox #25.jpg").write_bytes((folder / "fox #1.jpg").read_bytes())
    lines.append(entry(25, prompt=HOSTILE, path="fox #25.jpg", tokens=None))
    write_results(folder, *lines, b'{"key": "half a li')
    write_gallery(folder)
    return folder


def opened(chromium: webdriver.Chrome, folder: Path, width: int = 1280, scheme: str = "light") -> webdriver.Chrome:
    """The browser with the page open at this width in CSS pixels."""
    seen_as(chromium, width, scheme)
    chromium.get((folder / "index.html").as_uri())
    until(chromium, lambda: shown(chromium) != "")
    return chromium


def shown(chromium: webdriver.Chrome) -> str:
    """What the page says of how many it shows."""
    return chromium.find_element(By.TAG_NAME, "output").text


def loaded(chromium: webdriver.Chrome, selector: str) -> bool:
    """Whether the pictures in those of the elements that are in sight are there."""
    script = """return [...document.querySelectorAll(arguments[0])].filter(element => {
        const box = element.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight;
    }).every(element => [...element.querySelectorAll("img")].every(image => image.complete && image.naturalWidth))"""
    return bool(chromium.execute_script(script, selector))


def dialog_is_open(chromium: webdriver.Chrome) -> bool:
    """Whether a picture is shown in full size."""
    return bool(chromium.execute_script("return document.querySelector('dialog').open"))


def test_filters_by_text_and_status(chromium: webdriver.Chrome, batch: Path) -> None:
    """Words typed and a status chosen narrow the page down together, and it says how many are left."""
    page = opened(chromium, batch)
    assert shown(page) == "Showing 25 of 25"
    assert page.find_element(By.CSS_SELECTOR, ".notice").text == "Broken lines of results.jsonl passed over: 1"
    field = page.find_element(By.NAME, "text")
    field.send_keys("RAMEN cat")
    until(page, lambda: shown(page) == "Showing 3 of 25")
    visible = [card for card in page.find_elements(By.CLASS_NAME, "card") if card.is_displayed()]
    assert len(visible) == 3
    assert all("ramen shop" in card.text for card in visible)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.DELETE)
    until(page, lambda: shown(page) == "Showing 25 of 25")
    badges = "return [...document.querySelectorAll('.card:not([hidden]) .badge')].map(badge => badge.textContent)"
    for status, count in (("failed", 2), ("unknown", 1), ("missing", 1), ("done", 21)):
        page.find_element(By.CSS_SELECTOR, f"input[value={status}]").click()
        until(page, lambda expected=[status] * count: page.execute_script(badges) == expected)
        assert shown(page) == f"Showing {count} of 25"
    field.send_keys("nothing like it")
    until(page, lambda: page.find_element(By.ID, "none").is_displayed())
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("req-24")
    until(page, lambda: shown(page) == "Showing 1 of 25")


def test_opens_full_size_and_closes_with_escape(chromium: webdriver.Chrome, batch: Path, tmp_path: Path) -> None:
    """A click, or Enter, shows the whole picture with all that is known of it; the arrows go on, Escape goes back."""
    page = opened(chromium, batch)
    page.find_element(By.CSS_SELECTOR, ".card .shot").click()
    assert dialog_is_open(page)
    until(page, lambda: loaded(page, "dialog"))
    assert page.execute_script("return document.querySelector('dialog img').naturalWidth") > 1024
    assert page.current_url == (batch / "index.html").as_uri()
    aside = page.find_element(By.CSS_SELECTOR, "dialog aside").text
    for word in ("done", PROMPTS[1], "nanobanana_2", "16:9", "1K", "5.2", "1,290", "req-1", "fox #1.jpg"):
        assert word in aside
    page.save_screenshot(str(tmp_path / "full-size.png"))
    body = page.switch_to.active_element
    for _ in range(3):
        body.send_keys(Keys.ARROW_RIGHT)
    aside = page.find_element(By.TAG_NAME, "dialog").text
    for word in ("RateLimitError", "Too many calls at once.", "not billed", "failed"):
        assert word in aside
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(page, lambda: not dialog_is_open(page))
    until(page, lambda: "RateLimitError" in page.switch_to.active_element.text)  # the browser gives it back later
    page.switch_to.active_element.send_keys(Keys.ENTER)
    until(page, lambda: dialog_is_open(page))
    page.find_element(By.CSS_SELECTOR, "dialog [data-step='0']").click()
    assert not dialog_is_open(page)


def test_asks_the_network_for_nothing(chromium: webdriver.Chrome, batch: Path) -> None:
    """The page fetches files of its folder alone, hostile prompts included, and its policy stops all else."""
    chromium.get_log("performance")
    chromium.get_log("browser")
    page = opened(chromium, batch)
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    until(page, lambda: loaded(page, ".card"))
    events = [json.loads(line["message"])["message"] for line in page.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert any(url.endswith(".webp") for url in sent)
    assert [url for url in sent if not url.startswith((batch.as_uri() + "/", "data:"))] == []
    assert page.get_log("browser") == []  # no error of the script, and nothing that the policy had to stop
    assert page.title == "Gallery of spring catalogue"

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        stopped = page.execute_async_script(
            """const [port, done] = arguments; const stopped = [];
            addEventListener("securitypolicyviolation", event => stopped.push(event.effectiveDirective));
            const address = "http://127.0.0.1:" + port + "/";
            new Image().src = address; fetch(address).catch(() => 0);
            document.head.append(Object.assign(document.createElement("script"), {src: address}));
            document.body.setAttribute("onclick", "document.title = 'owned'"); document.body.click();
            setTimeout(() => done(stopped), 300);""",
            server.getsockname()[1],
        )
        with pytest.raises(TimeoutError):
            server.accept()
    assert set(stopped) == {"connect-src", "img-src", "script-src-attr", "script-src-elem"}
    assert page.title == "Gallery of spring catalogue"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_fits_the_screen(chromium: webdriver.Chrome, batch: Path, tmp_path: Path, width: int, scheme: str) -> None:
    """From a phone's width on, in light and dark, nothing sticks out to the side, nor does it in full size."""
    page = opened(chromium, batch, width, scheme)
    until(page, lambda: loaded(page, ".card"))
    page.save_screenshot(str(tmp_path / f"gallery-{width}-{scheme}.png"))
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.find_element(By.CSS_SELECTOR, ".card .shot").click()
    until(page, lambda: loaded(page, "dialog"))
    page.save_screenshot(str(tmp_path / f"full-size-{width}-{scheme}.png"))
    assert page.execute_script("return document.querySelector('dialog').scrollWidth") <= width


def test_ten_thousand_stay_quick(
    chromium: webdriver.Chrome, tmp_path: Path, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ten thousand entries the page loads only the pictures in sight, and a filter is done in a moment."""
    (tmp_path / "picture-0.png").write_bytes(picture())
    monkeypatch.setitem(sys.modules, "PIL", None)  # the pictures are small as they are
    for at in range(1, 10_000):
        (tmp_path / f"picture-{at}.png").hardlink_to(tmp_path / "picture-0.png")
    words = "A boat under a bridge, with a great many words to it. " * 6
    write_results(tmp_path, *(entry(at, prompt=f"{at} {words}") for at in range(10_000)))
    page = opened(chromium, write_gallery(tmp_path).parent)
    until(page, lambda: loaded(page, ".card"))
    assert page.execute_script("return [...document.images].filter(image => image.complete).length") < 500
    milliseconds = page.execute_async_script(
        """const done = arguments[0]; const begun = performance.now(); form.elements.text.value = "9999"; filter();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));"""
    )
    assert shown(page) == "Showing 1 of 10,000"
    assert milliseconds < 3000
