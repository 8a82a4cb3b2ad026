"""A changed contract: what a maintainer adds to openapi.yaml works everywhere after `make generate`, without another edit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .copies import ROOT, copy_project, make, run, tree

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGPUsZvAwMDAxMDAwMDAAAALfgD+39ILbwAAAABJRU5ErkJggg=="

CONTRACT = (ROOT / "openapi.yaml").read_text()

# What is added: by the line of openapi.yaml after which it stands.
ADDED = {
    "        - 1K\n": '        - "512"\n        - 0.5K\n        - auto\n',
    '        - "1:1"\n': '        - auto\n        - "1.91:1"\n',
    "        - nanobanana_pro\n": "        - nanobanana_next\n",  # in both lists of models
    "          description: All tokens of the call.\n": """\
        thoughtsTokenCount:
          type: [integer, "null"]
          description: Tokens of the reasoning.
""",
    "          description: The upstream's name for this answer.\n": """\
        trafficType:
          type: [string, "null"]
          description: How the call was billed.
""",
    "paths:\n": """\
  /v1/models:
    get:
      operationId: listModels
      tags: [models]
      summary: List the models
      responses:
        "200":
          description: The models that the key may use.
          content:
            application/json:
              schema:
                $ref: "#/components/schemas/ModelList"
        "401":
          $ref: "#/components/responses/Unauthorized"
""",
    "  schemas:\n": """\
    ModelList:
      type: object
      additionalProperties: true
      description: The models that the key may use.
      properties:
        data:
          type: array
          items:
            $ref: "#/components/schemas/ListedModel"
    ListedModel:
      type: object
      additionalProperties: true
      description: A model.
      properties:
        id:
          type: string
          description: Its name.
""",
    "tags:\n": "  - name: models\n    description: What can be asked.\n",
    '        imageConfig:\n          $ref: "#/components/schemas/ImageConfig"\n': """\
        seed:
          type: integer
          description: Makes a call repeatable.
""",
}


pytestmark = pytest.mark.skipif(
    all(added in CONTRACT for added in ADDED.values()), reason="this is the changed copy itself"
)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a changed contract, after `make generate`."""
    copy = copy_project(tmp_path_factory.mktemp("changed"))
    contract = copy / "openapi.yaml"
    text = contract.read_text()
    for line, added in ADDED.items():
        assert line in text, line
        text = text.replace(line, line + added)
    contract.write_text(text)
    before = tree(copy)
    made = make(copy, "generate")
    assert made.returncode == 0, made.stdout + made.stderr
    (copy / "said.txt").write_text(made.stdout)
    (copy / "touched.json").write_text(json.dumps(_touched(before, tree(copy))))
    return copy


def _touched(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _python(copy: Path, program: str, standard_input: str = "") -> str:
    done = run(copy, sys.executable, "-W", "error", "-c", program, standard_input=standard_input)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_generating_touches_generated_and_tables_alone(changed: Path) -> None:
    """`make generate` writes generated/, the mirror's types and the tables of README.md, and no other file."""
    touched = json.loads((changed / "touched.json").read_text())
    written = ("generated/nanobanana_api/", "mirrors/typescript/src/generated/", "mirrors/typescript/node_modules/")
    others = [name for name in touched if not name.startswith(written) and name != "said.txt"]
    assert others == ["README.md"]
    changed_lines = set((changed / "README.md").read_text().splitlines()) - set(
        (ROOT / "README.md").read_text().splitlines()
    )
    assert all(line.startswith("|") for line in changed_lines)
    assert any("`nanobanana_next`" in line for line in changed_lines)


def test_generating_says_what_the_facade_does_not_know(changed: Path) -> None:
    """It ends with what the facade does not know yet, in words: a field, an operation, values without pixels."""
    said = (changed / "said.txt").read_text()
    assert (
        'GenerationConfig.seed is not sent by itself; extra_body={"generationConfig": {"seed": ...}} reaches it' in said
    )
    assert "listModels (GET /v1/models) has no method; client.api runs it" in said
    for value in ("aspect ratio auto", "size auto", "size 512"):
        assert f"{value} has no documented pixels: sent when asked for, never chosen" in said
    for known in ("0.5K", "1.91:1", "thoughtsTokenCount", "trafficType"):
        assert known not in said


def test_a_facade_that_cannot_follow_is_named(tmp_path: Path) -> None:
    """Where the facade cannot even be imported on what was generated, `make generate` fails and says why."""
    copy = copy_project(tmp_path)
    contract = copy / "openapi.yaml"
    contract.write_text(
        contract.read_text()
        .replace("schemas/ImageSize", "schemas/PictureSize")
        .replace("    ImageSize:", "    PictureSize:")
    )
    made = make(copy, "generate")
    assert made.returncode != 0
    assert "cannot be imported on what openapi.yaml gives: ModuleNotFoundError" in made.stderr


@pytest.mark.parametrize("value", ["16:9", "on"])
def test_a_value_without_its_quotes_is_named(tmp_path: Path, value: str) -> None:
    """A value that YAML parsers read differently without quotes is refused before anything is written."""
    copy = copy_project(tmp_path)
    contract = copy / "openapi.yaml"
    contract.write_text(contract.read_text().replace('        - "16:9"\n', f"        - {value}\n"))
    before = tree(copy)
    made = run(copy, sys.executable, "tools/generate.py")
    assert made.returncode == 1
    assert "AspectRatio lists " in made.stdout
    assert "write it in quotes" in made.stdout
    assert tree(copy) == before


def test_every_new_value_is_listed_and_none_without_pixels_is_chosen(changed: Path) -> None:
    """The library lists the new values in an order that makes sense, and chooses none whose pixels are not known."""
    _python(
        changed,
        """
import nanobanana
from nanobanana import ASPECT_RATIOS, IMAGE_SIZES, MODELS, ImageRequest, InvalidRequestError
from nanobanana.vocabulary import nearest_aspect_ratio, pixels

assert nanobanana.__file__.startswith(__import__("os").getcwd())
assert "nanobanana_next" in MODELS
assert [ratio for ratio in ASPECT_RATIOS if pixels(ratio, "1K") is None] == ["auto"] == [ASPECT_RATIOS[-1]]
assert IMAGE_SIZES[0] == "0.5K" and IMAGE_SIZES[-2:] == ("512", "auto")
assert pixels("1:1", "512") is pixels("auto", "1K") is pixels("1:1", "auto") is None
assert nearest_aspect_ratio(191, 100) == "1.91:1"
for side in range(1, 9000, 97):
    for other in (1, 512, side):
        try:
            request = ImageRequest.for_pixels(side, other, prompt="Draw")
        except InvalidRequestError:
            assert side > 4096
        else:
            assert pixels(request.aspect_ratio, request.image_size)
assert ImageRequest("Draw").image_size == "1K" and ImageRequest("Draw").model == "nanobanana"
""",
    )


def test_the_mirror_follows(changed: Path) -> None:
    """The mirror in TypeScript compiles, lists and takes the new values, and chooses none whose pixels are not known."""
    built = run(changed, sys.executable, "tools/mirrors.py", "--build")
    assert built.returncode == 0, built.stdout + built.stderr
    if "NOT RUN" in built.stdout:
        pytest.skip(built.stdout)
    program = """
import assert from "node:assert/strict";
import { ASPECT_RATIOS, IMAGE_SIZES, ImageRequest, MODELS, nearestAspectRatio } from "./dist/src/index.js";
assert.ok(MODELS.includes("nanobanana_next"));
assert.equal(ASPECT_RATIOS.at(-1), "auto");
assert.deepEqual([IMAGE_SIZES[0], ...IMAGE_SIZES.slice(-2)], ["0.5K", "512", "auto"]);
assert.equal(nearestAspectRatio(191, 100), "1.91:1");
for (const imageSize of IMAGE_SIZES) new ImageRequest("Draw", { imageSize, aspectRatio: "auto", model: "nanobanana_next" });
const { imageSize } = await ImageRequest.forPixels(500, 500, "Draw");
assert.equal(imageSize, "0.5K");
await assert.rejects(ImageRequest.forPixels(9000, 9000, "Draw"));
"""
    mirror = changed / "mirrors" / "typescript"
    ran = subprocess.run(
        [mirror / "dist" / "node", "--input-type=module", "--eval", program],
        cwd=mirror,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_command_line_follows(changed: Path) -> None:
    """The command lists and takes the new values, shows a dash where pixels are not known, and keeps its defaults."""
    command = [sys.executable, "-m", "nanobanana"]
    table = run(changed, *command, "models").stdout
    assert "nanobanana_next   native and chat format" in table
    (line,) = [line.split() for line in table.splitlines() if line.startswith("auto")]
    assert set(line[1:]) == {"-"}
    listed = json.loads(run(changed, *command, "models", "--json").stdout)
    assert listed["pixels"]["1:1"] | {"512": None, "0.5K": "512x512"} == listed["pixels"]["1:1"]
    shown = run(changed, *command, "generate", "--help").stdout
    assert "nanobanana_next" in shown
    assert "1.91:1" in shown
    assert "[default: nanobanana]" in shown
    assert "[default: 1K]" in shown
    drawn = run(
        changed, *command, "generate", "Draw a cat", "-m", "nanobanana_next", "--aspect-ratio", "auto", "--size", "512",
        "--sandbox", "--json", "-o", "odd",
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr


def test_the_sandbox_follows(changed: Path) -> None:
    """The sandbox paints every new value, in both formats, and says in words that it does not play a new operation."""
    _python(
        changed,
        """
import httpx, nanobanana_sandbox
from nanobanana import NanoBanana
with nanobanana_sandbox.serve() as url, NanoBanana("sk-x", base_url=url) as client:
    for wire in ("native", "chat"):
        for ratio, size in (("auto", "512"), ("1.91:1", "0.5K"), ("1:1", "auto")):
            options = {"model": "nanobanana_next", "aspect_ratio": ratio, "image_size": size, "wire": wire}
            image = client.generate("Draw a cat", **options).image
            assert image.width, image
    answer = httpx.get(url + "/v1/models", headers={"Authorization": "Bearer sk-x"})
    assert answer.status_code == 501, answer.text
    assert "The contract has GET /v1/models, but the sandbox does not play it" in answer.json()["error"]["message"]
""",
    )


ANSWER = {
    "candidates": [
        {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 3, "thoughtsTokenCount": 2},
    "trafficType": "ON_DEMAND",
}


def test_new_fields_of_an_answer_stay_in_metadata(changed: Path) -> None:
    """A field that the contract begins to name stays where callers found it before, in metadata."""
    program = f"""
import sys; sys.path.insert(0, "tools")
from survey import Endpoint, Probe
with Probe.of("native", "nanobanana") as probe:
    probe.server.answer = {ANSWER!r}
    print(__import__("json").dumps(probe.client.generate("Draw").metadata))
"""
    named = json.loads(_python(changed, program))
    done = run(ROOT, sys.executable, "-c", program)
    assert named == json.loads(done.stdout)
    assert named["trafficType"] == "ON_DEMAND"
    assert named["usageMetadata"] == {"thoughtsTokenCount": 2}


def test_extra_body_sends_a_new_field(changed: Path) -> None:
    """A field of a request that the facade does not know goes out by extra_body: library, command and batch line."""
    printed = _python(
        changed,
        """
import json, pathlib, subprocess, sys
sys.path.insert(0, "tools")
from survey import Probe
EXTRA = {"generationConfig": {"seed": 7}}
with Probe.of("native", "nanobanana") as probe:
    probe.server.answer = json.loads(sys.stdin.read())
    probe.client.generate("Draw", extra_body=EXTRA)
    probe.client.batch([{"prompt": "Draw", "extra_body": EXTRA}], "batch").run()
    url = f"http://127.0.0.1:{probe.server.server_address[1]}"
    command = [sys.executable, "-m", "nanobanana", "generate", "Draw", "--extra-body", json.dumps(EXTRA), "-o", "extra"]
    environment = {**__import__("os").environ, "INFINITYBLUE_BASE_URL": url, "INFINITYBLUE_API_KEY": "sk-x"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    print(json.dumps([body["generationConfig"] for _, _, body in probe.server.requests]))
""",
        json.dumps(ANSWER),
    )
    sent = json.loads(printed)
    assert [config["seed"] for config in sent] == [7, 7, 7]
    assert all(config["imageConfig"]["imageSize"] == "1K" for config in sent)


def test_client_api_runs_a_new_operation(changed: Path) -> None:
    """An operation that the facade does not wrap runs by client.api, sync and async, with the key and the errors."""
    _python(
        changed,
        """
import asyncio, json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from nanobanana import AsyncNanoBanana, AuthenticationError, NanoBanana
from nanobanana_api.api.models import list_models

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.headers["Authorization"] == "Bearer sk-good" and self.path == "/v1/models"
        body = {"data": [{"id": "nanobanana", "owner": "x"}]} if good else {"error": {"message": "no", "code": "invalid_api_key"}}
        data = json.dumps(body).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_): pass

async def ask(url, key):
    async with AsyncNanoBanana(key, base_url=url) as client:
        return await list_models.asyncio(client=client.api)

with HTTPServer(("127.0.0.1", 0), Handler) as server:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with NanoBanana("sk-good", base_url=url) as client:
            listed = list_models.sync(client=client.api)
        assert listed.data[0].id == "nanobanana" and listed.data[0].additional_properties == {"owner": "x"}
        assert asyncio.run(ask(url, "sk-good")) == listed
        for call in (lambda: list_models.sync(client=NanoBanana("sk-bad", base_url=url).api), lambda: asyncio.run(ask(url, "sk-bad"))):
            try:
                call()
            except AuthenticationError as error:
                assert error.billed == "no" and error.code == "invalid_api_key"
            else:
                raise AssertionError("no error")
    finally:
        server.shutdown()
        thread.join()
""",
    )


@pytest.mark.slow
def test_the_whole_suite_passes_on_it(changed: Path) -> None:
    """`make test` of the copy passes: no test holds a list that the contract holds."""
    subprocess.run(["git", "init", "--quiet"], cwd=changed, check=True)
    made = make(changed, "test", timeout=2400)
    assert made.returncode == 0, made.stdout[-20000:] + made.stderr[-5000:]
