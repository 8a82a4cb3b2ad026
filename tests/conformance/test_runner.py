"""Holds the runner to noticing: what differs, what is stuck, what is more or less than listed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cases import BadCaseError, load, parsed
from conformance.runner import Runner
from conformance.vary import varied

ROOT = Path(__file__).parents[2]
ADAPTER = [sys.executable, str(ROOT / "conformance" / "adapters" / "python.py")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mM8ISfHwMDAxMDAwMDAAAANBAEIf62CUQAAAABJRU5ErkJggg=="
DIGEST = "62a58589fb74ddca750bdebc0609009ba2ca2d219cb92eec4d88f2714fdf407e"
PATH = "/v1beta/models/nanobanana:generateContent"


@pytest.fixture(scope="module")
def runner():
    runner = Runner(ADAPTER, patience=5)
    yield runner
    runner.close()


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
            {"request": {"path": PATH}, "failure": "connect_refused"},
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


SAY, SENT = "do.1.expect.result", "exchange.1.request"
MUTATIONS = {
    f"{SAY}.images.0.type": "image/jpeg",
    f"{SAY}.images.0.sha256": "0" * 64,
    f"{SAY}.images.0.width": 3,
    f"{SAY}.images": [{"url": "https://pictures.example/a.png"}],
    f"{SAY}.drafts": [{"type": "image/png", "sha256": DIGEST}],
    f"{SAY}.text": "Here",
    f"{SAY}.thoughts": "?",
    f"{SAY}.finish_reason": "STOP",
    f"{SAY}.usage.total_tokens": 8,
    f"{SAY}.usage.prompt_tokens": 0,
    f"{SAY}.request_id": None,
    f"{SAY}.model": "nanobanana_pro",
    f"{SAY}.metadata.modelVersion": "n",
    f"{SAY}.metadata.responseId": "r",
    "do.1.expect": {"error": {"class": "NoImageError", "billed": "probably"}},
    "do.2.expect.saved": "cat.jpg",
    "do.3.expect": {"error": {"class": "InvalidRequestError", "billed": "no"}},
    "do.4.expect.turns": [{"role": "user"}],
    "do.5.expect.request.model": "nanobanana_2",
    "do.5.expect.request.include_thoughts": 0,
    "do.6.expect.error.class": "APIStatusError",
    "do.6.expect.error.billed": "unknown",
    "do.6.expect.error.status": 401,
    "do.6.expect.error.code": None,
    "do.6.expect.error.retry_after": 0,
    "do.6.expect.error.param": None,
    "do.6.expect.error.says": ["not nice", "not nice at all"],
    "do.6.expect.error.says_not": ["nice"],
    "do.6.expect": {"result": {"images": [{"type": "image/png", "sha256": DIGEST}]}},
    f"{SENT}.path": PATH + "?key=1",
    f"{SENT}.origin": "https://gateway.example",
    f"{SENT}.headers.content-type": "text/plain",
    f"{SENT}.headers.cookie": "a=b",
    f"{SENT}.headers.user-agent": None,
    f"{SENT}.json.contents.0.role": "model",
    f"{SENT}.json.generationConfig.responseModalities": ["IMAGE", "TEXT"],
    f"{SENT}.json.more": None,
    f"{SENT}.proxy": {"address": "proxy.example:3128", "authorization": None},
    "exchange.0.request.origin": "https://gateway.example",
    "exchange.0.failure": "reset",
    "waits": [1],
    "files": {"cat.png": "0" * 64},
    "files.dog.png": DIGEST,
    "within": 0.000001,
}  # fmt: skip


def mutated(path, value):
    case = good_case()
    keys = path.split(".") if not path.startswith("files.") else ["files", path[6:]]
    place = case
    for key in keys[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(keys[-1]) if isinstance(place, list) else keys[-1]] = value
    return parsed(case)


def test_a_good_case_passes(runner):
    """A case that says what the library does has no problems."""
    assert runner.play(parsed(good_case())).problems == []


@pytest.mark.parametrize("path", MUTATIONS)
def test_a_changed_expectation_is_noticed(runner, path):
    """One thing expected otherwise makes the case fail."""
    assert runner.play(mutated(path, MUTATIONS[path])).problems


def test_a_step_too_many_and_one_too_few_are_noticed(runner):
    """A listed request that is not made fails a case, and so does one that is not listed."""
    more, fewer = good_case(), good_case()
    more["exchange"].append(more["exchange"][-1])
    fewer["exchange"].pop()
    assert "1 of 4 listed requests were not made" in runner.play(parsed(more)).problems
    assert any("one more than listed" in problem for problem in runner.play(parsed(fewer)).problems)


def adapter(tmp_path, body):
    """A program that greets in order and then does something else."""
    script = tmp_path / "program.py"
    script.write_text(
        "import json, os, sys, time, socket\n"
        "def say(**m): print(json.dumps(m), flush=True)\n"
        "hello = json.loads(input())\n"
        "say(type='hello', protocol=1, name='test', version='1', features=[])\n"
        f"for line in sys.stdin:\n    run = json.loads(line)\n{body}"
    )
    return [sys.executable, str(script)]


GENERATE = {
    "id": "one",
    "do": [{"method": "request", "arguments": {"prompt": "a"}, "expect": {"request": {"model": "m"}}}],
}


@pytest.mark.parametrize(
    ("body", "says"),
    {
        "sleeps": ("    time.sleep(60)\n", "said nothing for 1 s"),
        "ends": ("    sys.exit(3)\n", "ended with exit code 3"),
        "babbles": ("    print('hello', flush=True)\n", "no message of the protocol"),
        "breaks": ("    say(type='broken', why='no idea')\n", "no idea"),
        "strange": ("    say(type='dance')\n", "dance"),
    }.values(),
)  # fmt: skip
def test_a_program_that_gets_stuck_fails_its_case_and_is_ended(tmp_path, body, says):
    """Whatever a program does instead of its part, the case fails in time, and the next one gets a new process."""
    runner = Runner(adapter(tmp_path, body), patience=1)
    verdicts = [runner.play(parsed(GENERATE)) for _ in range(2)]
    runner.close()
    assert all(says in verdict.problems[0] for verdict in verdicts)


def test_a_key_that_shows_is_noticed(tmp_path):
    """A key in an outcome or in stderr fails a case."""
    body = "    print(run['client']['api_key'], file=sys.stderr, flush=True)\n    say(type='done', outcomes=[{'text': run['client']['api_key']}])\n"
    runner = Runner(adapter(tmp_path, body), patience=5)
    problems = runner.play(parsed({"id": "key", "do": [{"method": "undo"}]})).problems
    runner.close()
    assert "the key shows in stderr" in problems
    assert any("the key shows in an outcome" in problem for problem in problems)


def test_a_key_outside_its_header_is_noticed(tmp_path):
    """A request with the key in its address fails a case, and so does one without it in its header."""
    body = (
        "    say(type='connect', host='127.0.0.1', port=8080)\n    way = json.loads(input())\n"
        "    s = socket.create_connection((way['host'], way['port']))\n"
        "    s.sendall(b'POST /?key=sk-vector HTTP/1.1\\r\\nHost: 127.0.0.1:8080\\r\\nContent-Length: 0\\r\\n\\r\\n')\n"
        "    s.recv(1000)\n    say(type='done', outcomes=[{}])\n"
    )
    runner = Runner(adapter(tmp_path, body.replace("input()", "sys.stdin.readline()")), patience=5)
    case = {
        "id": "key",
        "client": {"base_url": "http://127.0.0.1:8080"},
        "do": [{"method": "undo"}],
        "exchange": [{"request": {}, "response": {"status": 200}}],
    }
    problems = runner.play(parsed(case)).problems
    runner.close()
    assert problems == [
        'request 1 headers.authorization: wanted "Bearer sk-vector", got null',
        'request 1 headers.content-type: wanted "application/json", got ""',
        "request 1: the key stands outside the Authorization header",
    ]


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


def test_the_command_prints_what_differs_and_counts(tmp_path):
    """The command plays a folder of cases, prints what differs field by field, ends with the counts and exits with 1."""
    bad = good_case() | {"id": "bad", "waits": [2]}
    done = command("--cases", written(tmp_path, good_case(), bad), "--", *ADAPTER)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == ["bad", "  waits[0]: wanted 2, got 0.5", "1 passed, 1 failed"]


def test_the_command_plays_one_case(tmp_path):
    """With --only, a single case is played; all of it well is exit code 0."""
    bad = good_case() | {"id": "bad", "waits": [2]}
    done = command("--cases", written(tmp_path, good_case(), bad), "--only", "good", "--", *ADAPTER)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed")


def test_two_programs_side_by_side(tmp_path):
    """With --beside, what two programs do is compared, whatever the case expects."""
    folder = written(tmp_path, good_case() | {"waits": [2]}, GENERATE)
    (tmp_path / "other").mkdir()
    other = adapter(tmp_path, "    say(type='done', outcomes=[{'request': {'model': 'm'}}])\n")
    same = command("--cases", folder, "--beside", " ".join([*ADAPTER, "--async"]), "--", *ADAPTER)
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "2 passed, 0 failed")
    differs = command("--cases", folder, "--only", "one", "--beside", " ".join(other), "--", *ADAPTER)
    assert (differs.returncode, differs.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")
    assert 'differs.outcomes[0].request.model: wanted "nanobanana", got "m"' in differs.stdout


def test_neighbours_of_cases_side_by_side(tmp_path):
    """With --vary, answers that no case plays are played to two programs, the same ones for the same seed."""
    folder = written(tmp_path, good_case())
    beside = ["--beside", " ".join([*ADAPTER, "--async"]), "--vary", "12", "--seed", "3"]
    done = command("--cases", folder, *beside, "--", *ADAPTER)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "12 passed, 0 failed"), done.stdout
    first, second = ([case.exchange for case in varied(load(folder), 12, 3)] for _ in range(2))
    assert first == second != [case.exchange for case in varied(load(folder), 12, 4)]
    assert command("--vary", "2", "--", *ADAPTER).returncode == 2


def test_what_a_program_cannot_do_is_skipped_aloud(tmp_path):
    """A case that needs a feature the program does not name is skipped and counted, or failed where that is asked."""
    case = {"id": "saves", "do": [{"method": "save", "arguments": {"path": "a"}, "expect": {"saved": "a.png"}}]}
    folder, program = written(tmp_path, case), adapter(tmp_path, "    pass\n")
    done = command("--cases", folder, "--", *program)
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (
        0,
        ["skipped: 1 for want of save", "0 passed, 0 failed"],
    )
    assert command("--cases", folder, "--all-features", "--", *program).returncode == 1


def test_a_program_that_is_not_there(tmp_path):
    """A program that cannot be started is exit code 2 and a word."""
    done = command("--", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "cannot be started" in done.stderr


def test_it_needs_nothing_but_python(tmp_path):
    """The runner works in an interpreter without any package."""
    program = adapter(tmp_path, "    say(type='done', outcomes=[{'request': {'model': 'm'}}])\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); from conformance.__main__ import main; sys.exit(main(sys.argv[1:]))",
         "--cases", str(written(tmp_path, GENERATE)), "--", *program],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed", done.stderr


@pytest.mark.parametrize(
    "change", [{"wait": [1]}, {"do": [{"method": "undo", "wants": 1}]}, {"exchange": [{"request": {"pth": "/"}}]},
               {"exchange": [{"failure": "flood"}]}, {"exchange": [{"response": {"status": 200, "jsn": 1}}]}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_a_case_cannot_say_is_an_error(tmp_path, change):
    """A key that nobody knows is an error and not overlooked."""
    with pytest.raises(BadCaseError):
        load(written(tmp_path, good_case() | change))
