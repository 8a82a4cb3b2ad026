"""Writes docs/faults.md by playing the table of faults, or with --check says whether it is what that would write.

Every row is played with our client, and those that mean something to another client with that one as well, with its
own settings. A row of ours that does not come out as the table says is reported, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import environment, play
from tests.faults.server import KEY, PICTURE, Server
from tests.faults.table import A_PICTURE, ROWS, TOPICS, Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/faults.md"
CAP = 20.0  # seconds that another client gets for a row
AT_ONCE = 8  # rows that other clients play at the same time
VERSIONS = {"google-genai": "3.4.0", "openai": "3.54.0"}
INTRO = """\
# What happens when things go wrong

Written by `make faults`; do not edit. Each line was played on a real connection to a server that misbehaves on
purpose, with `NanoBanana(timeout=20)` and its other settings as they come unless the line says otherwise.
`AsyncNanoBanana` does the same, and after each of these faults the same client works on the next call (the tests hold
both to it).

**Requests** counts the complete requests that reached the server, repeats included: each of them is a call that you
may be billed for. **Billed** is the error's `.billed`: "no", "unknown" or "probably"; a picture is billed, of course.
A redirect is never followed, so no request and no key reaches the address that it names.
"""
COMPARISON = """\
## Beside other clients

The same server, for `google-genai` {google-genai} (native format) and `openai` {openai} (chat format), each as it
comes, with its own default for time-outs and repeats. Neither was made for this gateway, and "—" marks what
does not concern one. *No error* means that the call returned as if all were well, though there was no picture in what
it returned; *still waiting* that it had not returned after {cap:.0f} s, when it was cut off. "+ 1 elsewhere" counts
requests that followed a redirect to another server, and "with the key" says that the API key went along.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    others = compare()
    lines, wrong = ours()
    page = "\n".join([INTRO, *lines, COMPARISON.format(cap=CAP, **VERSIONS), *others, ""])
    if wrong:
        print("These rows did not come out as the table says:", *wrong, sep="\n  ")
    if check:
        if not PAGE.exists() or PAGE.read_text() != page:
            print("docs/faults.md is stale; run 'make faults'")
            return 1
        print(f"docs/faults.md is current ({len(ROWS)} faults)")
    else:
        PAGE.write_text(page)
        print(f"docs/faults.md written ({len(ROWS)} faults)")
    return bool(wrong)


def ours() -> tuple[list[str], list[str]]:
    """Our tables, topic by topic, and the rows that did not come out as they should."""
    lines: list[str] = []
    wrong: list[str] = []
    for topic, rows in TOPICS.items():
        lines += [f"## {topic}", "", "| the server ... | requests | outcome | billed |", "|---|---|---|---|"]
        for row in rows:
            played = play(row)
            found = played.outcome, played.billed
            if found not in ((row.outcome, row.billed), row.or_else) or played.requests != row.requests:
                wrong.append(f"{row.name}: {played.requests} requests, {' '.join(found)}")
            outcome, billed = found
            if row.or_else:
                outcome, billed = (f"{name}, or by chance {other}" for name, other in zip(
                    (row.outcome, row.billed), row.or_else, strict=True))  # fmt: skip
            lines.append(f"| {row.does} | {played.requests} | {outcome} | {billed} |")
        lines.append("")
    return lines, wrong


# ------------------------------------------------------------------ other clients


def google(url: str) -> bool:
    """Makes a picture with google-genai; whether there was one."""
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, vertexai=False, http_options=types.HttpOptions(base_url=url))
    answer = client.models.generate_content(model="nanobanana", contents="Draw a cat")
    return PICTURE in [part.inline_data.data for part in answer.parts or () if part.inline_data]


def openai(url: str) -> bool:
    """Makes a picture with openai; whether there was one, undecoded as that client leaves it."""
    from openai import OpenAI

    client = OpenAI(api_key=KEY, base_url=f"{url}/v1")
    answer = client.chat.completions.create(
        model="nanobanana_2", messages=[{"role": "user", "content": "Draw a cat"}], stream=False
    )
    try:  # what it returns may be a str, or have None where a list belongs
        return "](data:image/png;base64," in (answer.choices[0].message.content or "")
    except (AttributeError, TypeError):
        return False


RIVALS: dict[str, Callable[[str], bool]] = {"google-genai": google, "openai": openai}


def compare() -> list[str]:
    """The comparison table."""
    rows = [row for row in ROWS if row.rivals]
    results: dict[tuple[str, str], str] = {}
    jobs: queue.SimpleQueue[tuple[Row, str]] = queue.SimpleQueue()
    for row in rows:
        for rival in row.rivals:
            jobs.put((row, rival))

    def work() -> None:
        while not jobs.empty():
            try:
                row, rival = jobs.get_nowait()
            except queue.Empty:
                return
            results[row.name, rival] = contest(row, RIVALS[rival])

    with environment():
        for rival in RIVALS.values():
            with Server(ROWS[0].acts) as server:  # imports are slow, and are not to count
                attempt(rival, server.url)
        workers = [threading.Thread(target=work) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    lines = [f"| the server ... | nanobanana | {' | '.join(RIVALS)} |", f"|---|---|{'---|' * len(RIVALS)}"]
    for row in rows:
        does = row.does.replace("(client with", "(nanobanana with")
        cells = [does, f"{row.requests}, {row.outcome}", *(results.get((row.name, rival), "—") for rival in RIVALS)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def contest(row: Row, rival: Callable[[str], bool]) -> str:
    """How many requests another client needed for a row, and what came of it."""
    found: list[str] = []
    with Server(row.acts, door=row.door, secure=row.secure, certificate=row.certificate) as server:
        # A client that never returns must not hold the table up: its thread is left behind.
        thread = threading.Thread(target=lambda: found.append(attempt(rival, server.url)), daemon=True)
        thread.start()
        thread.join(CAP)
        outcome = found[0] if found else f"*still waiting* after {CAP:.0f} s"
        time.sleep(0.02)
        key = " with the key" if server.key_strayed else ""
        elsewhere = f" + {server.strayed} elsewhere{key}" if server.strayed else ""
        bills = server.requests
    return f"{bills}{elsewhere}, {outcome}"


def attempt(rival: Callable[[str], bool], url: str) -> str:
    """What came of one call of another client."""
    try:
        return A_PICTURE if rival(url) else "*no error*, no picture"
    except BaseException as error:
        return type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
