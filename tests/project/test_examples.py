"""The examples run as they stand, on the sandbox."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def tool(nanobanana_sandbox: str, tmp_path: Path) -> Any:
    """Calls the agent's tool as an agent does: by starting the server, over stdio."""
    environment = {
        **os.environ,
        "INFINITYBLUE_BASE_URL": nanobanana_sandbox,
        "INFINITYBLUE_API_KEY": "sk-sandbox",
        "PICTURES": str(tmp_path / "pictures"),
    }
    program = StdioServerParameters(
        command=sys.executable, args=[str(EXAMPLES / "mcp_server.py")], env=environment, cwd=str(tmp_path)
    )

    def call(**arguments: object) -> tuple[list[Any], list[Any]]:
        async def talk() -> tuple[list[Any], list[Any]]:
            with anyio.fail_after(60):
                async with Client(program) as client:
                    tools = (await client.list_tools()).tools
                    result = await client.call_tool("draw", arguments)
                    return tools, list(result.content)

        return anyio.run(talk)

    return call


def test_an_agent_draws(tool: Any, tmp_path: Path) -> None:
    """The tool keeps the picture and shows the agent its path and a small picture."""
    tools, content = tool(prompt="Draw a lighthouse", aspect_ratio="16:9")
    assert [each.name for each in tools] == ["draw"]
    assert "costs money" in (tools[0].description or "")
    (kept,) = (tmp_path / "pictures").iterdir()
    assert content[0].text == f"Saved as {kept}"
    assert content[-1].mime_type == "image/jpeg"


def test_an_agent_is_told_what_may_have_been_billed(tool: Any) -> None:
    """An error reaches the agent in words, with whether it may have cost something, and no traceback."""
    _, content = tool(prompt="Draw [sandbox:internal-error]")
    assert "billed: unknown" in content[0].text
    assert "Traceback" not in content[0].text


def test_an_agent_is_told_what_is_accepted(tool: Any) -> None:
    """What the tool cannot take is said with what it can, and nothing is sent."""
    _, content = tool(prompt="Draw", aspect_ratio="5:4")
    assert "accepted are" in content[0].text
    assert "Nothing was sent" in content[0].text
