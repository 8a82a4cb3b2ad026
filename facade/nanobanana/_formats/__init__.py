"""The endpoint's two wire formats, and the bodies of its errors."""

from __future__ import annotations

from ..request import WireName
from .chat import Chat
from .format import Format
from .native import Native

FORMATS: dict[WireName, Format] = {"native": Native(Chat()), "chat": Chat(Native())}
