"""Holds the command to what it shows of two programs side by side, in the cases and in their neighbours."""

import pytest

from conformance.cases import load
from conformance.vary import varied

from .programs import ADAPTER, GENERATE, PATH, adapter, command, good_case, written

ASYNC = [*ADAPTER, "--async"]
M = "    say(type='done', outcomes=[{'request': {'model': 'm'}}])\n"
N = M.replace("'m'", "'n'")
ASKS = (
    "    say(type='connect', host='api.getinfinityblue.com', port=443)\n    json.loads(sys.stdin.readline())\n"
    "    say(type='done', outcomes=[{}])\n"
)
ANSWERED = {"exchange": [{"request": {"path": PATH}, "response": {"status": 200, "json": {"a": ["b" * 100]}}}]}


def beside(folder, first, second, *options):
    """The exit code and the lines of a run with two programs."""
    done = command("--cases", folder, "--beside", " ".join(second), *options, "--", *first)
    return done.returncode, done.stdout.splitlines()


def test_two_programs_that_do_the_same(tmp_path):
    """With --beside, what two programs do is compared, whatever the case expects."""
    folder = written(tmp_path, good_case() | {"waits": [2]}, GENERATE)
    assert beside(folder, ADAPTER, ASYNC)[0] == 0


def test_a_difference_says_whose_each_value_is(tmp_path):
    """What differs is shown under the names that the two programs give themselves."""
    first, second = adapter(tmp_path, M, "one"), adapter(tmp_path, N, "two")
    assert beside(written(tmp_path, GENERATE), first, second) == (
        1,
        [
            "one 1 beside two 1: 1 cases",
            "one",
            '  outcomes[0].request.model: one 1 has "m", two 1 has "n"',
            "0 passed, 1 failed",
        ],
    )


def test_what_is_null_and_what_is_left_out_are_the_same(tmp_path):
    """A picture without a width says so in either way."""
    bodies = ("{'url': 'a', 'width': None}", "{'url': 'a'}")
    outcomes = [M.replace("{'request': {'model': 'm'}}", "{'result': {'images': [" + one + "]}}") for one in bodies]
    programs = (adapter(tmp_path, body, name) for body, name in zip(outcomes, "ab", strict=True))
    assert beside(written(tmp_path, GENERATE), *programs)[0] == 0


@pytest.mark.parametrize(("its", "code"), [("12345678901234567000.0", 0), ("12345678901234600000", 1)])
def test_numbers_are_as_exact_as_a_language_has_them(tmp_path, its, code):
    """A number that a double does not hold is compared as the nearest one."""
    body = "    say(type='done', outcomes=[{'result': {'metadata': {'n': [%s]}}}])\n"
    programs = (adapter(tmp_path, body % n, n[-2:]) for n in ("12345678901234567890", its))
    assert beside(written(tmp_path, GENERATE), *programs)[0] == code


def test_two_programs_of_one_name_are_told_apart(tmp_path):
    """Where both give the same name, one is the first and the other the second."""
    (tmp_path / "other").mkdir()
    first, second = adapter(tmp_path, M), adapter(tmp_path / "other", N)
    _, lines = beside(written(tmp_path, GENERATE), first, second)
    assert '  outcomes[0].request.model: test 1 (first) has "m", test 1 (second) has "n"' in lines


@pytest.mark.parametrize(
    ("body", "trouble"),
    {
        "silent": ("    sys.stdin.read()\n", "the adapter is of no further use: it said nothing for 1 s"),
        "broken": ("    say(type='broken', why='no idea')\n", "the adapter is of no further use: it broke: no idea"),
        "asks once more": (ASKS, "request 1 to api.getinfinityblue.com: one more than listed"),
        "malformed": ("    say(type='done', outcomes=[{'request': 'm'}])\n", "request.request: wanted an object"),
    }.values(),
    ids=["silent", "broken", "asks once more", "malformed"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["first", "second"])
def test_a_program_in_trouble_is_named_with_it(tmp_path, body, trouble, place):
    """What is wrong with one program itself is shown before anything that it did otherwise than the other one."""
    well, ill = adapter(tmp_path, M, "well"), adapter(tmp_path, body, "ill")
    programs = (ill, well) if place == "first" else (well, ill)
    _, lines = beside(written(tmp_path, GENERATE), *programs, "--patience", "1")
    assert lines[2].startswith(f"  ill 1: {trouble}")
    assert lines[3].startswith("0 passed") == ("of no further use" in trouble)


def test_two_programs_that_break_alike_fail(tmp_path):
    """A case at which both programs break has shown nothing, and does not pass."""
    broken = "    say(type='broken', why='no idea')\n"
    first, second = adapter(tmp_path, broken, "one"), adapter(tmp_path, broken, "two")
    code, lines = beside(written(tmp_path, GENERATE), first, second)
    assert (code, lines[2:4]) == (
        1,
        [f"  {name} 1: the adapter is of no further use: it broke: no idea" for name in ("one", "two")],
    )


def test_two_programs_that_ask_once_more_alike_pass(tmp_path):
    """What both do beyond the case is no difference."""
    first, second = adapter(tmp_path, ASKS, "one"), adapter(tmp_path, ASKS, "two")
    assert beside(written(tmp_path, GENERATE), first, second)[0] == 0


def test_neighbours_of_cases_side_by_side(tmp_path):
    """With --vary, answers that no case plays are played to two programs, the same ones for the same seed."""
    folder = written(tmp_path, good_case())
    code, lines = beside(folder, ADAPTER, ASYNC, "--vary", "12", "--seed", "3")
    assert (code, lines[-1]) == (0, "12 passed, 0 failed"), lines
    first, second = ([case.exchange for case in varied(load(folder), 12, 3)] for _ in range(2))
    assert first == second != [case.exchange for case in varied(load(folder), 12, 4)]


def test_neighbours_ask_for_other_things_too(tmp_path):
    """Some neighbours change an argument or an option of the client, and say which."""
    (case,) = load(written(tmp_path, good_case()))
    others = [one for one in varied([case], 40, 1) if (one.do, one.client) != (case.do, case.client)]
    assert {one.note.split()[0].rstrip(":") for one in others} == {"action", "client"}
    assert all(one.exchange == case.exchange for one in others)


def test_a_neighbour_that_differs_is_shown_and_can_be_called_again(tmp_path):
    """Its change, its answer with long texts cut, and its name, by which --only plays it again without --vary."""
    first, second = adapter(tmp_path, M, "one"), adapter(tmp_path, N, "two")
    folder = written(tmp_path, GENERATE | ANSWERED)
    _, lines = beside(folder, first, second, "--vary", "6", "--seed", "5")
    name = lines[-4].split(" ")[0]
    assert name == "one-varied-5-5"
    assert lines[-4].startswith(f"{name} (answer 1: ")
    assert lines[-2].startswith("  answer 1: ")
    assert "b" * 61 not in "".join(lines)
    assert any("b" * 60 + "… (100 characters)" in line for line in lines)
    _, again = beside(folder, first, second, "--only", name)
    assert again[1:-1] == lines[-4:-1]


@pytest.mark.parametrize("options", [["--vary", "2"], ["--only", "good-varied-1-1"]], ids=["--vary", "--only"])
def test_neighbours_need_a_second_program(options):
    """Without --beside, a neighbour is exit code 2, as nobody knows what is right for it."""
    done = command(*options, "--", *ADAPTER)
    assert (done.returncode, "needs --beside" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["other-varied-1-1", "one-varied-1", "one-varied-1-1"])
def test_a_neighbour_that_is_none_is_an_error(tmp_path, name):
    """A name of no case, one without its numbers, and a case without an answer are exit code 2 and a word."""
    done = command("--cases", written(tmp_path, GENERATE), "--beside", "a", "--only", name, "--", *ADAPTER)
    assert done.returncode == 2
    assert "no case" in done.stderr or "no answer in JSON" in done.stderr
