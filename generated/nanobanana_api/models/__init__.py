"""Contains all the data models used in inputs/outputs, each imported when it is first asked for"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .answer_content import AnswerContent
    from .answer_file_data import AnswerFileData
    from .answer_inline_data import AnswerInlineData
    from .answer_part import AnswerPart
    from .aspect_ratio import AspectRatio
    from .candidate import Candidate
    from .chat_answer_image_url import ChatAnswerImageUrl
    from .chat_answer_message import ChatAnswerMessage
    from .chat_answer_part import ChatAnswerPart
    from .chat_assistant_message import ChatAssistantMessage
    from .chat_assistant_role import ChatAssistantRole
    from .chat_choice import ChatChoice
    from .chat_completion import ChatCompletion
    from .chat_extra_body import ChatExtraBody
    from .chat_google_options import ChatGoogleOptions
    from .chat_image_config import ChatImageConfig
    from .chat_image_part import ChatImagePart
    from .chat_image_type import ChatImageType
    from .chat_image_url import ChatImageUrl
    from .chat_model import ChatModel
    from .chat_request import ChatRequest
    from .chat_text_part import ChatTextPart
    from .chat_text_type import ChatTextType
    from .chat_usage import ChatUsage
    from .chat_user_message import ChatUserMessage
    from .error_body import ErrorBody
    from .error_response import ErrorResponse
    from .generate_content_request import GenerateContentRequest
    from .generate_content_response import GenerateContentResponse
    from .generation_config import GenerationConfig
    from .image_config import ImageConfig
    from .image_size import ImageSize
    from .inline_data import InlineData
    from .modality import Modality
    from .model_role import ModelRole
    from .model_turn import ModelTurn
    from .native_model import NativeModel
    from .other_inline_data import OtherInlineData
    from .part import Part
    from .prompt_feedback import PromptFeedback
    from .safety_rating import SafetyRating
    from .thinking_config import ThinkingConfig
    from .usage_metadata import UsageMetadata
    from .user_role import UserRole
    from .user_turn import UserTurn
else:
    _MODULE_OF = {
        "AnswerContent": ".answer_content",
        "AnswerFileData": ".answer_file_data",
        "AnswerInlineData": ".answer_inline_data",
        "AnswerPart": ".answer_part",
        "AspectRatio": ".aspect_ratio",
        "Candidate": ".candidate",
        "ChatAnswerImageUrl": ".chat_answer_image_url",
        "ChatAnswerMessage": ".chat_answer_message",
        "ChatAnswerPart": ".chat_answer_part",
        "ChatAssistantMessage": ".chat_assistant_message",
        "ChatAssistantRole": ".chat_assistant_role",
        "ChatChoice": ".chat_choice",
        "ChatCompletion": ".chat_completion",
        "ChatExtraBody": ".chat_extra_body",
        "ChatGoogleOptions": ".chat_google_options",
        "ChatImageConfig": ".chat_image_config",
        "ChatImagePart": ".chat_image_part",
        "ChatImageType": ".chat_image_type",
        "ChatImageUrl": ".chat_image_url",
        "ChatModel": ".chat_model",
        "ChatRequest": ".chat_request",
        "ChatTextPart": ".chat_text_part",
        "ChatTextType": ".chat_text_type",
        "ChatUsage": ".chat_usage",
        "ChatUserMessage": ".chat_user_message",
        "ErrorBody": ".error_body",
        "ErrorResponse": ".error_response",
        "GenerateContentRequest": ".generate_content_request",
        "GenerateContentResponse": ".generate_content_response",
        "GenerationConfig": ".generation_config",
        "ImageConfig": ".image_config",
        "ImageSize": ".image_size",
        "InlineData": ".inline_data",
        "Modality": ".modality",
        "ModelRole": ".model_role",
        "ModelTurn": ".model_turn",
        "NativeModel": ".native_model",
        "OtherInlineData": ".other_inline_data",
        "Part": ".part",
        "PromptFeedback": ".prompt_feedback",
        "SafetyRating": ".safety_rating",
        "ThinkingConfig": ".thinking_config",
        "UsageMetadata": ".usage_metadata",
        "UserRole": ".user_role",
        "UserTurn": ".user_turn",
    }

    def __getattr__(name):
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULE_OF[name], __name__), name)


__all__ = (
    "AnswerContent",
    "AnswerFileData",
    "AnswerInlineData",
    "AnswerPart",
    "AspectRatio",
    "Candidate",
    "ChatAnswerImageUrl",
    "ChatAnswerMessage",
    "ChatAnswerPart",
    "ChatAssistantMessage",
    "ChatAssistantRole",
    "ChatChoice",
    "ChatCompletion",
    "ChatExtraBody",
    "ChatGoogleOptions",
    "ChatImageConfig",
    "ChatImagePart",
    "ChatImageType",
    "ChatImageUrl",
    "ChatModel",
    "ChatRequest",
    "ChatTextPart",
    "ChatTextType",
    "ChatUsage",
    "ChatUserMessage",
    "ErrorBody",
    "ErrorResponse",
    "GenerateContentRequest",
    "GenerateContentResponse",
    "GenerationConfig",
    "ImageConfig",
    "ImageSize",
    "InlineData",
    "Modality",
    "ModelRole",
    "ModelTurn",
    "NativeModel",
    "OtherInlineData",
    "Part",
    "PromptFeedback",
    "SafetyRating",
    "ThinkingConfig",
    "UsageMetadata",
    "UserRole",
    "UserTurn",
)
