"""An agent's tool that makes pictures: a Model Context Protocol server over stdio.

    pip install 'mcp>=2.3' and this library, set INFINITYBLUE_API_KEY, and have your agent start: python mcp_server.py

Each picture that was paid for lies in a folder (PICTURES, by default ./pictures) before the agent sees it. The agent
gets the path, a small picture to look at and, where a call went wrong, whether it may have been billed, so that it does
not simply call again.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from mcp.server.mcpserver import Image, MCPServer
from nanobanana import ASPECT_RATIOS, IMAGE_SIZES, MODELS, AsyncNanoBanana, NanoBananaError

PICTURES = Path(os.environ.get("PICTURES", "pictures"))
SEEN = 512  # pixels of the longer side that the agent is shown

server = MCPServer("nanobanana", instructions="Makes and edits pictures. Each call of draw costs money.")


@server.tool(
    description=(
        "Draw a picture from words, or edit the pictures at the given paths. Each call costs money; where an error "
        f"says that it may have been billed, ask before calling again. model: {', '.join(MODELS)}. aspect_ratio: "
        f"{', '.join(ASPECT_RATIOS)}, or none for that of the first reference. image_size: {', '.join(IMAGE_SIZES)}."
    )
)
async def draw(
    prompt: str,
    references: list[str] | None = None,
    model: str = MODELS[0],
    aspect_ratio: str | None = None,
    image_size: str = "1K",
) -> list[str | Image]:
    """Draws a picture and keeps it; returns its path and a small picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    options = {"model": model, "aspect_ratio": aspect_ratio, "image_size": image_size}
    try:
        async with AsyncNanoBanana() as client:
            generation = await client.generate(
                prompt,
                references=references or [],
                save_to=f"{PICTURES}/",
                **options,  # type: ignore[arg-type]
            )
    except NanoBananaError as error:
        return [f"No picture. {error} (billed: {error.billed})"]
    picture = generation.image.to_pil()
    picture.thumbnail((SEEN, SEEN))
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=80)
    return [f"Saved as {generation.image.path}", generation.text, Image(data=buffer.getvalue(), format="jpeg")]


if __name__ == "__main__":
    server.run()
