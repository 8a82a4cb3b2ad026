from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.generate_content_request import GenerateContentRequest
from ...models.generate_content_response import GenerateContentResponse
from ...models.native_model import NativeModel
from ...types import Response


def _get_kwargs(
    model: NativeModel,
    *,
    body: GenerateContentRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1beta/models/{model}:generateContent".format(
            model=quote(str(model), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | GenerateContentResponse | None:
    if response.status_code == 200:
        response_200 = GenerateContentResponse.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 413:
        response_413 = ErrorResponse.from_dict(response.json())

        return response_413

    if response.status_code == 429:
        response_429 = ErrorResponse.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = ErrorResponse.from_dict(response.json())

        return response_500

    if response.status_code == 502:
        response_502 = ErrorResponse.from_dict(response.json())

        return response_502

    if response.status_code == 503:
        response_503 = ErrorResponse.from_dict(response.json())

        return response_503

    if response.status_code == 504:
        response_504 = ErrorResponse.from_dict(response.json())

        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorResponse | GenerateContentResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    model: NativeModel,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateContentRequest,
) -> Response[ErrorResponse | GenerateContentResponse]:
    """Make or edit a picture (native format)

     Sends the turns of a conversation, usually a single one by the user, and returns the model's
    next turn. To edit a picture, or to draw from several, append the reference images to the
    text of the user's turn, each as a part of its own, in the order in which the prompt
    speaks of them.

    The whole answer arrives in one body of 1 to 35 MB.

    Args:
        model (NativeModel): A model that speaks the native format. `nanobanana` balances speed
            and quality and answers
            in PNG; `nanobanana_pro` is the best for product images and a precise style, answers in
            JPEG
            and signs its turns (`thoughtSignature`).
        body (GenerateContentRequest): What to draw, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GenerateContentResponse]
    """

    kwargs = _get_kwargs(
        model=model,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    model: NativeModel,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateContentRequest,
) -> ErrorResponse | GenerateContentResponse | None:
    """Make or edit a picture (native format)

     Sends the turns of a conversation, usually a single one by the user, and returns the model's
    next turn. To edit a picture, or to draw from several, append the reference images to the
    text of the user's turn, each as a part of its own, in the order in which the prompt
    speaks of them.

    The whole answer arrives in one body of 1 to 35 MB.

    Args:
        model (NativeModel): A model that speaks the native format. `nanobanana` balances speed
            and quality and answers
            in PNG; `nanobanana_pro` is the best for product images and a precise style, answers in
            JPEG
            and signs its turns (`thoughtSignature`).
        body (GenerateContentRequest): What to draw, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GenerateContentResponse
    """

    return sync_detailed(
        model=model,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    model: NativeModel,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateContentRequest,
) -> Response[ErrorResponse | GenerateContentResponse]:
    """Make or edit a picture (native format)

     Sends the turns of a conversation, usually a single one by the user, and returns the model's
    next turn. To edit a picture, or to draw from several, append the reference images to the
    text of the user's turn, each as a part of its own, in the order in which the prompt
    speaks of them.

    The whole answer arrives in one body of 1 to 35 MB.

    Args:
        model (NativeModel): A model that speaks the native format. `nanobanana` balances speed
            and quality and answers
            in PNG; `nanobanana_pro` is the best for product images and a precise style, answers in
            JPEG
            and signs its turns (`thoughtSignature`).
        body (GenerateContentRequest): What to draw, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | GenerateContentResponse]
    """

    kwargs = _get_kwargs(
        model=model,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    model: NativeModel,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateContentRequest,
) -> ErrorResponse | GenerateContentResponse | None:
    """Make or edit a picture (native format)

     Sends the turns of a conversation, usually a single one by the user, and returns the model's
    next turn. To edit a picture, or to draw from several, append the reference images to the
    text of the user's turn, each as a part of its own, in the order in which the prompt
    speaks of them.

    The whole answer arrives in one body of 1 to 35 MB.

    Args:
        model (NativeModel): A model that speaks the native format. `nanobanana` balances speed
            and quality and answers
            in PNG; `nanobanana_pro` is the best for product images and a precise style, answers in
            JPEG
            and signs its turns (`thoughtSignature`).
        body (GenerateContentRequest): What to draw, and how.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | GenerateContentResponse
    """

    return (
        await asyncio_detailed(
            model=model,
            client=client,
            body=body,
        )
    ).parsed
