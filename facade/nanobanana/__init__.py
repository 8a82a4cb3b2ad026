"""Make and edit pictures with the NanoBanana models of the InfinityBlue gateway.

from nanobanana import NanoBanana

NanoBanana().generate("Draw a cat on a rooftop").image.save("cat")
"""

from .client import AsyncNanoBanana, NanoBanana
from .conversation import AsyncConversation, Conversation
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContentBlockedError,
    ContentPolicyError,
    DownloadError,
    InvalidRequestError,
    NanoBananaError,
    NoImageError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    PromptBlockedError,
    QuotaExceededError,
    RateLimitError,
    SaveError,
    ServerError,
    UnusableResponseError,
)
from .pictures.generation import Generation, Usage
from .pictures.image import GeneratedImage, SuffixWarning
from .pictures.reference import ReferenceImage
from .pictures.remote import RemoteImage
from .request import ImageRequest
from .vocabulary import ASPECT_RATIOS, IMAGE_SIZES, MODELS, AspectRatio, ImageSize, Model

__version__ = "0.1.0"

__all__ = [
    "ASPECT_RATIOS",
    "IMAGE_SIZES",
    "MODELS",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AspectRatio",
    "AsyncConversation",
    "AsyncNanoBanana",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ContentBlockedError",
    "ContentPolicyError",
    "Conversation",
    "DownloadError",
    "GeneratedImage",
    "Generation",
    "ImageRequest",
    "ImageSize",
    "InvalidRequestError",
    "Model",
    "NanoBanana",
    "NanoBananaError",
    "NoImageError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PromptBlockedError",
    "QuotaExceededError",
    "RateLimitError",
    "ReferenceImage",
    "RemoteImage",
    "SaveError",
    "ServerError",
    "SuffixWarning",
    "UnusableResponseError",
    "Usage",
    "__version__",
]
