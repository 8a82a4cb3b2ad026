"""The endpoint on your own machine: the same contract, real pictures, no key, no network.

    import nanobanana_sandbox
    from nanobanana import NanoBanana

    with nanobanana_sandbox.serve() as url:
        NanoBanana("sk-sandbox", base_url=url).generate("Draw a cat")

Needs the extra `sandbox`: pip install 'infinityblue-nanobanana[sandbox]'
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

__all__ = ["run", "serve"]


def serve(port: int = 0, *, log: str | Path | None = None) -> AbstractContextManager[str]:
    """Serves in a thread for as long as the context lasts, and gives the address, such as "http://127.0.0.1:49152".

    Port 0 takes a free one. With `log`, a line of JSON for each request is added to that file.

    Raises: OSError where the port is taken, or the log cannot be written.
    """
    from . import server  # takes a second to import, and the command line only needs it to serve

    return server.serve(port, log=log)


def run(port: int = 0, *, ready: Callable[[str], None] = print, log: str | Path | None = None) -> None:
    """Serves until it is interrupted. `ready` is called with the address once it can be reached.

    With `log`, a line of JSON for each request is added to that file.

    Raises: OSError where the port is taken, or the log cannot be written.
    """
    from . import server

    server.run(port, ready=ready, log=log)
