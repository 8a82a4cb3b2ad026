"""Words: what the library says of its arguments, said of the command line's options."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..errors import APIStatusError, InvalidRequestError, NanoBananaError
from ..pictures.image import GeneratedImage

OPTIONS = {
    "aspect_ratio": "--aspect-ratio",
    "aspect_ratios": "aspect_ratios",
    "base_url": "--base-url",
    "concurrency": "--concurrency",
    "executor": "--executor",
    "extra_body": "--extra-body",
    "image_size": "--size",
    "include_thoughts": "--thoughts",
    "model": "-m",
    "references": "-r",
    "retry_failed": "--retry-failed",
    "retry_unknown": "--retry-unknown",
    "save_to": "-o",
    "timeout": "--timeout",
    "wire": "--wire",
}
# What has no option, or needs other words than its name. The first that fits is taken.
_PHRASES = [
    (r"Set INFINITYBLUE_API_KEY or pass api_key=\.\.\.", "Set INFINITYBLUE_API_KEY or give --api-key-file FILE"),
    (r"the sandbox takes any that starts with sk-", "--sandbox needs none"),
    (r", or allow_insecure=True if the network is yours", ""),
    (
        r"Raise max_response_bytes=\.\.\.( before the next call)?",
        "The library takes more, with max_response_bytes",
    ),
    (r" \(keep_suffix=True keeps the name\)", ""),
    (r"Use ReferenceImage\.from_url\(url\)", "Download it first, and give the file"),
    (r"Put brackets around a single one: references=\[picture\]", "Give -r FILE for each"),
    (r"(Keep|Look at) the answer with error\.save_body\(path\)", r"\1 the answer"),
    (r"The picture is on this error: save error\.image elsewhere", "Make room, or give another place"),
    (r"Give a path, bytes, an open binary file, .*", "Give the path of a picture"),
    (r"; Base64 as data:image/png;base64,\.\.\.", ""),
    (r"Try download\(\) again soon; such addresses often expire", "Fetch it soon; such addresses often expire"),
    (r"Correct proxy=\.\.\. or ", "Correct "),
    (r"include_thoughts=True", "--thoughts"),
    (r"wire='(\w+)'", r"--wire \1"),
]
_LONGEST_WAIT = 86_400.0  # seconds, above which a time of day says nothing
_ARGUMENT = re.compile(rf"\b({'|'.join(OPTIONS)})=(?:\.\.\.|True|False|'[^']*')")


def told(error: NanoBananaError, *, sends: bool = True) -> str:
    """The whole story of an error, for whoever typed a command.

    sends: whether the command could have sent anything; where not, nothing is said of that.
    """
    told = in_options(str(error))
    if isinstance(error, InvalidRequestError) and error.param in OPTIONS:
        told = re.sub(rf"\A{error.param}\b", OPTIONS[error.param], told)
    wait = getattr(error, "retry_after", None)
    if isinstance(error, APIStatusError) and wait and wait < _LONGEST_WAIT:
        until = datetime.now().astimezone() + timedelta(seconds=wait)
        told = told.replace(f"Wait {wait:g} s and", f"Wait {wait:g} s, until {until:%H:%M:%S}, and")
    return told if sends else told.replace(" Nothing was sent.", "")


def in_options(text: str) -> str:
    """Words of the library with the options of the command line in the place of its arguments."""
    for pattern, words in _PHRASES:
        text = re.sub(pattern, words, text)
    return _ARGUMENT.sub(lambda found: OPTIONS[found[1]], text)


def printable(text: str) -> str:
    """Words of a server or a file, fit for a terminal: what would command it is replaced, lines are kept."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def described(image: GeneratedImage) -> str:
    """The type and the dimensions of a picture."""
    known = image.to_dict()
    shape = f"{known['width']}x{known['height']}" if known["width"] else "of unknown size"
    return f"{image.mime_type}, {shape}"
