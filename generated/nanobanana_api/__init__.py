"""A client library for accessing InfinityBlue NanoBanana images"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
