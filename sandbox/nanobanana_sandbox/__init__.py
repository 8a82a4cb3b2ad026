"""The endpoint on your own machine: the same contract, real pictures, no key, no network.

    import nanobanana_sandbox
    from nanobanana import NanoBanana

    with nanobanana_sandbox.serve() as url:
        NanoBanana("sk-sandbox", base_url=url).generate("Draw a cat")

Needs the extra `sandbox`: pip install 'infinityblue-nanobanana[sandbox]'
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

__all__ = ["run", "serve"]


def serve(port: int = 0) -> AbstractContextManager[str]:
    """Serves in a thread for as long as the context lasts, and gives the address, such as "http://127.0.0.1:49152".

    Port 0 takes a free one.

    Raises: OSError where the port is taken.
    """
    from . import server  # takes a second to import, and the command line only needs it to serve

    return server.serve(port)


def run(port: int = 0, *, ready: Callable[[str], None] = print) -> None:
    """Serves until it is interrupted. `ready` is called with the address once it can be reached.

    Raises: OSError where the port is taken.
    """
    from . import server

    server.run(port, ready=ready)
