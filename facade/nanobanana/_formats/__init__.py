"""The endpoint's two wire formats, and the bodies of its errors."""

from __future__ import annotations

from functools import cache, partial

from ..request import WireName
from .format import Format


@cache
def format_of(wire: WireName) -> Format:
    """A wire format. It is imported when it is first spoken, with its generated models: most programs speak one."""
    if wire == "native":
        from .native import Native

        return Native(partial(format_of, "chat"))
    from .chat import Chat

    return Chat(partial(format_of, "native"))
