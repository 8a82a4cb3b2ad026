"""The endpoint on your own machine: the same contract, real pictures, no key, no network.

    import nanobanana_sandbox
    from nanobanana import NanoBanana

    with nanobanana_sandbox.serve() as url:
        NanoBanana("sk-sandbox", base_url=url).generate("Draw a cat")

Needs the extra `sandbox`: pip install 'nanobanana[sandbox]'
"""

from .server import run, serve

__all__ = ["run", "serve"]
