"""Says what the facade does not know yet of openapi.yaml; `make generate` ends with it.

Nothing is taken from the facade's source: its public client makes calls to a server in this process, which keeps each
request and gives answers made from the contract. A field of a request is known when some call sends it, a field of an
answer when its value changes anything that a caller gets, `metadata` included (`raw` holds everything, and is not
looked at).
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "facade"), str(ROOT / "generated")]

import yaml  # noqa: E402
from jsonschema import Draft202012Validator  # noqa: E402

Json = dict[str, Any]
Path_ = tuple[str | int, ...]

# What the facade leaves out on purpose, and why. The tests fail on an entry that is no longer left out, or not there.
LEFT_OUT = {
    "Part.inlineData": "the gateway's page writes inline_data",
    "OtherInlineData.mimeType": "belongs to Part.inlineData",
    "OtherInlineData.mime_type": "belongs to Part.inlineData",
    "OtherInlineData.data": "belongs to Part.inlineData",
    "AnswerPart.thoughtSignature": "only the next turn needs it; a conversation sends it back as it came",
}

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGPUsZvAwMDAxMDAwMDAAAALfgD+39ILbwAAAABJRU5ErkJggg=="
STRINGS = (PICTURE, "SAFETY", "https://pictures.invalid/a.png", f"data:image/png;base64,{PICTURE}", "c2FmZQ==")
SAMPLES: dict[str, tuple[Any, ...]] = {"string": STRINGS, "integer": (4711,), "number": (47.11,), "boolean": (True,)}


class Field(NamedTuple):
    """A property of a schema, and where it first occurs: the names from the top of the document, 0 inside a list."""

    schema: str
    name: str
    path: Path_
    owner: Json

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class Operation(NamedTuple):
    """An operation of the contract."""

    name: str
    method: str
    path: str
    request: Json
    answer: Json
    examples: list[Json]


class Findings(NamedTuple):
    """What the facade does not know, and what it says it leaves out although it does not."""

    unsent: list[Field]
    unread: list[Field]
    unwrapped: list[Operation]
    without_pixels: list[str]
    stale: list[str]


class Contract:
    """openapi.yaml, to be walked."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def resolve(self, node: Json) -> Json:
        while "$ref" in node:
            target: Any = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node

    def operations(self) -> list[Operation]:
        return [
            self._operation(method, path, stated)
            for path, item in self.document["paths"].items()
            for method, stated in item.items()
            if "operationId" in stated
        ]

    def _operation(self, method: str, path: str, stated: Json) -> Operation:
        request, answer = (
            self.resolve(node).get("content", {}).get("application/json", {})
            for node in (stated.get("requestBody", {}), stated["responses"].get("200", {}))
        )
        examples = [self.resolve(example)["value"] for example in answer.get("examples", {}).values()]
        schemas = request.get("schema", {}), answer.get("schema", {})
        return Operation(stated["operationId"], method.upper(), path, *schemas, examples)

    def fields(
        self, node: Json, path: Path_ = (), above: frozenset[str] = frozenset(), inline: str = ""
    ) -> list[Field]:
        """All fields that a schema reaches, each where it first occurs."""
        name = _name(node, inline)
        if name in above:
            return []
        schema = self.resolve(node)
        properties = schema.get("properties", {})
        found = {(name, key): Field(name, key, (*path, key), schema) for key in properties}
        inner = [((*path, key), entry, f"{name}.{key}") for key, entry in properties.items()]
        inner += [((*path, 0), schema["items"], f"{name}[]")] if "items" in schema else []
        inner += [(path, entry, f"{name}|{number}") for number, entry in enumerate(_alternatives(schema))]
        for where, entry, called in inner:
            for each in self.fields(entry, where, above | {name}, called):
                found.setdefault((each.schema, each.name), each)
        return list(found.values())

    def samples(self, node: Json) -> list[Any]:
        """Values that fit a schema; of those that are objects, some with every string of STRINGS."""
        schema = self.resolve(node)
        kinds = schema.get("type", [])
        values = [value for kind in SAMPLES if kind in kinds for value in SAMPLES[kind]]
        if "object" in kinds:
            parts = {key: self.samples(entry) for key, entry in schema.get("properties", {}).items()}
            for turn in range(len(STRINGS)):
                values.append({key: some[turn % len(some)] for key, some in parts.items() if some})
        if "array" in kinds:
            values += [[value] for value in self.samples(schema["items"])]
        return values + [value for entry in _alternatives(schema) for value in self.samples(entry)]

    def present(self, node: Json, value: Any, inline: str = "") -> set[tuple[str, str]]:
        """The fields that a document has, as schema and name."""
        name, schema = _name(node, inline), self.resolve(node)
        found: set[tuple[str, str]] = set()
        if isinstance(value, list) and "items" in schema:
            found |= {each for entry in value for each in self.present(schema["items"], entry, f"{name}[]")}
        if isinstance(value, dict):
            for key in schema.get("properties", {}).keys() & value.keys():
                found |= {(name, key)} | self.present(schema["properties"][key], value[key], f"{name}.{key}")
        for number, entry in enumerate(_alternatives(schema)):
            if Draft202012Validator({**entry, "components": self.document["components"]}).is_valid(value):
                found |= self.present(entry, value, f"{name}|{number}")
        return found


def _name(node: Json, inline: str) -> str:
    return node.get("$ref", "").rpartition("/")[2] or inline


def _alternatives(schema: Json) -> list[Json]:
    return [entry for name in ("oneOf", "anyOf", "allOf") for entry in schema.get(name, ())]


# ------------------------------------------------------------------------------------------------- calls


class Endpoint(ThreadingHTTPServer):
    """Keeps each request, and answers with what is set."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Json]] = []
        self.answer: Json = {}
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.command, self.path, json.loads(body)))
        answer = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class Probe:
    """A client that speaks one format to a server of this process."""

    def __init__(self, server: Endpoint, client: Any, wire: str, model: str) -> None:
        self.server, self.client = server, client
        self._options = {"model": model, "wire": wire}

    @classmethod
    @contextlib.contextmanager
    def of(cls, wire: str, model: str) -> Iterator[Probe]:
        from nanobanana import NanoBanana

        with Endpoint() as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            try:
                with NanoBanana("sk-survey", base_url=url, max_retries=0) as client:
                    yield cls(server, client, wire, model)
            finally:
                server.shutdown()
                thread.join()

    def ask_for_everything(self, answers: list[Json]) -> None:
        """Makes calls that use each option, and conversations that go on from each of the answers."""
        from nanobanana import NanoBananaError

        picture = base64.b64decode(PICTURE)
        options: list[dict[str, Any]] = [{}, {"references": [picture]}, {"include_thoughts": True}]
        for extra in options:
            with contextlib.suppress(NanoBananaError):  # a format without thoughts, or the empty answer
                self.client.generate("Draw", **self._options, **extra)
        for self.server.answer in answers:
            conversation = self.client.conversation(**self._options)
            with contextlib.suppress(NanoBananaError):
                conversation.send("Draw")
                conversation.send("Now at night", references=[picture])

    def outcome(self, answer: Json) -> str:
        """All that a caller gets of an answer, but for the answer itself, as one string."""
        from nanobanana import NanoBananaError

        self.server.answer = answer
        try:
            given = self.client.generate("Draw", **self._options)
        except NanoBananaError as error:
            shown = {name: value for name, value in vars(error).items() if name not in ("content", "raw")}
            return repr((type(error), str(error), shown))
        found = [*given.images, *given.drafts]
        pictures = [getattr(image, "url", None) or (image.data, image.mime_type) for image in found]
        words = (given.text, given.thoughts, given.finish_reason, given.usage, given.metadata)
        return repr((len(given.drafts), pictures, words))

    def reads(self, contract: Contract, operation: Operation, field: Field) -> bool:
        """Whether anything that a caller gets depends on a field of an answer."""
        values = [None, *contract.samples(field.owner["properties"][field.name])]
        full = contract.samples(field.owner)
        part = [{key: some for key, some in each.items() if key != other} for each in full for other in each]
        wholes = [*operation.examples]
        wholes += [put(base, field.path[:-1], around) for base in ({}, *operation.examples) for around in full]
        wholes += [put({}, field.path[:-1], around) for around in part]
        return any(len({self.outcome(put(whole, field.path, value)) for value in values}) > 1 for whole in wholes)


def wires() -> dict[str, str]:
    """The formats, and a model that speaks each."""
    from nanobanana.vocabulary import CHAT_MODELS, NATIVE_MODELS

    return {"native": NATIVE_MODELS[0], "chat": CHAT_MODELS[0]}


def put(document: Any, path: Path_, value: Any) -> Any:
    """A copy of a document with a value at a path, whatever has to be made on the way."""
    if not path:
        return value
    step, *rest = path
    if step == 0:
        entries = document if isinstance(document, list) else []
        return [put(entries[0] if entries else None, tuple(rest), value), *entries[1:]]
    changed = copy.copy(document) if isinstance(document, dict) else {}
    changed[step] = put(changed.get(step), tuple(rest), value)
    return changed


# ------------------------------------------------------------------------------------------------- findings


def survey() -> Findings:
    """What the facade does not know yet."""
    from nanobanana.vocabulary import ASPECT_RATIOS, IMAGE_SIZES, pixels

    contract = Contract(yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8")))
    operations = contract.operations()
    examples = [example for operation in operations for example in operation.examples]
    wrapped: list[str] = []
    unsent: dict[str, Field] = {}
    unread: dict[str, Field] = {}
    for wire, model in wires().items():
        with Probe.of(wire, model) as probe:
            probe.ask_for_everything(examples)
            operation = next(each for each in operations if _is_called(each, probe.server.requests[0]))
            sent = {each for _, _, body in probe.server.requests for each in contract.present(operation.request, body)}
            answers = contract.fields(operation.answer)
            unread |= {str(field): field for field in answers if not probe.reads(contract, operation, field)}
        wrapped.append(operation.name)
        earlier = {field.schema for field in answers}  # what an answer holds goes back as it came
        for field in contract.fields(operation.request):
            if field.schema not in earlier and (field.schema, field.name) not in sent:
                unsent[str(field)] = field
    unknown = unsent | unread
    return Findings(
        unsent=[field for name, field in unsent.items() if name not in LEFT_OUT],
        unread=[field for name, field in unread.items() if name not in LEFT_OUT],
        unwrapped=[operation for operation in operations if operation.name not in wrapped],
        without_pixels=[
            *(f"aspect ratio {one}" for one in ASPECT_RATIOS if not any(pixels(one, size) for size in IMAGE_SIZES)),
            *(f"size {one}" for one in IMAGE_SIZES if not any(pixels(ratio, one) for ratio in ASPECT_RATIOS)),
        ],
        stale=[name for name in LEFT_OUT if name not in unknown],
    )


def _is_called(operation: Operation, request: tuple[str, str, Json]) -> bool:
    template = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(operation.path))
    return request[0] == operation.method and re.fullmatch(template, request[1]) is not None


def _nested(path: Path_) -> str:
    value = "..."
    for step in reversed(path):
        value = f"[{value}]" if step == 0 else f'{{"{step}": {value}}}'
    return value


def lines(found: Findings) -> list[str]:
    """The findings in words, for a maintainer."""
    said = [f"{field} is not sent by itself; extra_body={_nested(field.path)} reaches it" for field in found.unsent]
    said += [f"{field} reaches a caller in generation.raw only" for field in found.unread]
    said += [f"{one.name} ({one.method} {one.path}) has no method; client.api runs it" for one in found.unwrapped]
    said += [f"{value} has no documented pixels: sent when asked for, never chosen" for value in found.without_pixels]
    return said + [f"{name} is named in LEFT_OUT of tools/survey.py, but is not left out" for name in found.stale]


def main() -> None:
    said = lines(survey())
    if not said:
        print("facade: knows all of openapi.yaml")
    else:
        print(
            "facade: what it does not know of openapi.yaml (what to do: CONTRIBUTING.md):",
            *said,
            sep="\n  ",
        )
    return 0


if __name__ == "__main__":
    main()
