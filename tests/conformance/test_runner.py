"""Holds the runner to noticing: what differs, what is stuck, what is more or less than listed."""

import pytest

from conformance.cases import BadCaseError, load, parsed
from conformance.endpoint import Seen
from conformance.runner import Runner

from .programs import ADAPTER, DIGEST, GENERATE, PATH, adapter, good_case, written


@pytest.fixture(scope="module")
def runner():
    runner = Runner(ADAPTER, patience=5)
    yield runner
    runner.close()


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


@pytest.mark.parametrize(
    ("name", "value"),
    [("origin", "https://gateway.example"), ("headers", {"user-agent": None}), ("path", "/"), ("json", {"a": 1})],
)
def test_a_changed_request_of_calls_at_once_is_noticed(runner, name, value):
    """Of calls that are made at once, as much of each request is looked at as of a single one."""
    request = {"path": PATH, "json": good_case()["exchange"][1]["request"]["json"]}
    do = [
        {
            "method": "together",
            "arguments": {"calls": [{"prompt": "Draw a cat"}]},
            "expect": {"results": [{"result": {}}]},
        }
    ]
    case = {
        "id": "at-once",
        "clock": "real",
        "do": do,
        "exchange": [{**good_case()["exchange"][1], "request": request}],
    }
    assert runner.play(parsed(case)).problems == []
    request[name] = value
    assert runner.play(parsed(case)).problems != []


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 1}', b'{"a": NaN}', '{"a": 1}'.encode("utf-16"), b'\xef\xbb\xbf{"a": 1}', b"{"]
)
def test_what_only_some_read_as_json_is_none(body):
    """A key twice, NaN, another encoding and a mark before the body are no JSON, as a server may read it otherwise."""
    assert Seen("POST", "/", [], body, True).json.startswith("no JSON")
    assert Seen("POST", "/", [], b'{"a": {"a": 1}}', True).json == {"a": {"a": 1}}


def test_a_step_too_many_and_one_too_few_are_noticed(runner):
    """A listed request that is not made fails a case, and so does one that is not listed."""
    more, fewer = good_case(), good_case()
    more["exchange"].append(more["exchange"][-1])
    fewer["exchange"].pop()
    assert "1 of 4 listed requests were not made" in runner.play(parsed(more)).problems
    assert any("one more than listed" in problem for problem in runner.play(parsed(fewer)).problems)


@pytest.mark.parametrize(
    ("body", "says"),
    {
        "sleeps": ("    time.sleep(60)\n", "said nothing for 1 s"),
        "ends": ("    sys.exit(3)\n", "ended with exit code 3"),
        "babbles": ("    print('hello', flush=True)\n", "no message of the protocol"),
        "breaks": ("    say(type='broken', why='no idea')\n", "no idea"),
        "strange": ("    say(type='dance')\n", "dance"),
        "asks without a host": ("    say(type='connect', port=1)\n", "connect needs host, a text"),
        "asks for a port in words": ("    say(type='connect', host='a', port='1')\n", "connect needs port, a whole"),
        "sleeps for a text": ("    say(type='sleep', seconds='1')\n", "sleep needs seconds, a number"),
        "has no outcomes": ("    say(type='done')\n", "done needs outcomes, a list"),
    }.values(),
)  # fmt: skip
def test_a_program_that_gets_stuck_fails_its_case_and_is_ended(tmp_path, body, says):
    """Whatever a program does instead of its part, the case fails in time, and the next one gets a new process."""
    runner = Runner(adapter(tmp_path, body), patience=1)
    verdicts = [runner.play(parsed(GENERATE)) for _ in range(2)]
    runner.close()
    assert all(says in verdict.problems[0] for verdict in verdicts)


@pytest.mark.parametrize("mode", [[], ["--async"]], ids=["sync", "async"])
def test_what_has_nothing_to_act_on_yet_gives_nothing(mode):
    """Without a result or a conversation, a method that acts on one has an empty outcome and breaks nothing."""
    methods = ["raw", "headers", "to_dict", "save", "say", "undo", "turns", "reload"]
    runner = Runner([*ADAPTER, *mode], patience=5)
    verdict = runner.play(parsed({"id": "early", "do": [{"method": method} for method in methods]}))
    runner.close()
    assert verdict.problems == []
    assert verdict.trace.outcomes == [{}] * len(methods)


def test_a_long_message_is_named_where_a_program_says_nothing(tmp_path):
    """A program that is slow to read a long message is told how long it was, and what gives it more time."""
    runner = Runner(adapter(tmp_path, "    sys.stdin.read()\n"), patience=1)
    big = {"$base64": "", "$zeros": 3_000_000}
    case = GENERATE | {"do": [{"method": "request", "arguments": {"prompt": "a", "references": [big]}}]}
    problem = runner.play(parsed(case)).problems[0]
    runner.close()
    assert "said nothing for 1 s after a message of 4 MB (--patience gives it longer)" in problem


def test_outcomes_that_nobody_asked_for_are_noticed(tmp_path):
    """There is one outcome for each action, with no key but those of the protocol."""
    body = "    say(type='done', outcomes=[{'request': {'model': 'm'}, 'note': 1}, {}])\n"
    runner = Runner(adapter(tmp_path, body), patience=5)
    problems = runner.play(parsed(GENERATE)).problems
    runner.close()
    assert problems == ["2 outcomes of 1 actions", "request.note: no outcome has this key"]


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
        "request 1 holds the key outside the Authorization header",
    ]


@pytest.mark.parametrize(
    "change", [{"wait": [1]}, {"do": [{"method": "undo", "wants": 1}]}, {"exchange": [{"request": {"pth": "/"}}]},
               {"exchange": [{"failure": "flood"}]}, {"exchange": [{"response": {"status": 200, "jsn": 1}}]},
               {"exchange": [{"request": {"proxy": {"adress": "a:1"}}}]},
               {"do": [{"method": "undo", "expect": {"reslut": {}}}]},
               {"do": [{"method": "say", "expect": {"error": {"says": "word"}}}]},
               {"do": [{"method": "say", "expect": {"error": {"says_not": [None]}}}]}],
    ids=str,
)  # fmt: skip
def test_what_a_case_cannot_say_is_an_error(tmp_path, change):
    """A key that nobody knows is an error and not overlooked."""
    with pytest.raises(BadCaseError):
        load(written(tmp_path, good_case() | change))
