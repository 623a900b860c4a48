from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...client import AuthenticatedClient, Client
from ...models.batch_change import BatchChange
from ...models.batch_update import BatchUpdate
from ...models.error import Error
from ...types import Response

if TYPE_CHECKING:
    import httpx


def _get_kwargs(
    endpoint_id: str,
    batch_id: str,
    *,
    body: BatchUpdate,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/{endpoint_id}/batch/{batch_id}".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
            batch_id=quote(str(batch_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> BatchChange | Error:
    if response.status_code == 200:
        response_200 = BatchChange.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = Error.from_dict(response.json())

        return response_404

    if response.status_code == 429:
        response_429 = Error.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = Error.from_dict(response.json())

        return response_500

    response_default = Error.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[BatchChange | Error]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    endpoint_id: str,
    batch_id: str,
    *,
    client: AuthenticatedClient,
    body: BatchUpdate,
) -> Response[BatchChange | Error]:
    """Change a batch's attributes

     Changes attributes of a batch, such as its display name. The attributes' names and the response are
    not documented.

    Args:
        endpoint_id (str):
        batch_id (str):
        body (BatchUpdate): Attributes of a batch to change, such as its display name. The
            members' names are not known.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchChange | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        batch_id=batch_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: str,
    batch_id: str,
    *,
    client: AuthenticatedClient,
    body: BatchUpdate,
) -> BatchChange | Error | None:
    """Change a batch's attributes

     Changes attributes of a batch, such as its display name. The attributes' names and the response are
    not documented.

    Args:
        endpoint_id (str):
        batch_id (str):
        body (BatchUpdate): Attributes of a batch to change, such as its display name. The
            members' names are not known.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchChange | Error
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        batch_id=batch_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    endpoint_id: str,
    batch_id: str,
    *,
    client: AuthenticatedClient,
    body: BatchUpdate,
) -> Response[BatchChange | Error]:
    """Change a batch's attributes

     Changes attributes of a batch, such as its display name. The attributes' names and the response are
    not documented.

    Args:
        endpoint_id (str):
        batch_id (str):
        body (BatchUpdate): Attributes of a batch to change, such as its display name. The
            members' names are not known.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchChange | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        batch_id=batch_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: str,
    batch_id: str,
    *,
    client: AuthenticatedClient,
    body: BatchUpdate,
) -> BatchChange | Error | None:
    """Change a batch's attributes

     Changes attributes of a batch, such as its display name. The attributes' names and the response are
    not documented.

    Args:
        endpoint_id (str):
        batch_id (str):
        body (BatchUpdate): Attributes of a batch to change, such as its display name. The
            members' names are not known.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchChange | Error
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            batch_id=batch_id,
            client=client,
            body=body,
        )
    ).parsed
