from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...client import AuthenticatedClient, Client
from ...models.batch import Batch
from ...models.error import Error
from ...models.job_request import JobRequest
from ...types import Response

if TYPE_CHECKING:
    import httpx


def _get_kwargs(
    endpoint_id: str,
    *,
    body: list[JobRequest],
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/{endpoint_id}/batch".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
    }

    _kwargs["json"] = []
    for body_item_data in body:
        body_item = body_item_data.to_dict()
        _kwargs["json"].append(body_item)

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Batch | Error:
    if response.status_code == 200:
        response_200 = Batch.from_dict(response.json())

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
) -> Response[Batch | Error]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: list[JobRequest],
) -> Response[Batch | Error]:
    """Create a batch

     Creates a batch with status DRAFT. No request runs before `finalize_batch`. The body may be up to 10
    MiB. An endpoint may have 10 active batches and 50000 queued requests, a batch 5000 requests.
    Accounts may have other limits; for some, 1000000 requests a day.

    Args:
        endpoint_id (str):
        body (list[JobRequest]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Batch | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: list[JobRequest],
) -> Batch | Error | None:
    """Create a batch

     Creates a batch with status DRAFT. No request runs before `finalize_batch`. The body may be up to 10
    MiB. An endpoint may have 10 active batches and 50000 queued requests, a batch 5000 requests.
    Accounts may have other limits; for some, 1000000 requests a day.

    Args:
        endpoint_id (str):
        body (list[JobRequest]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Batch | Error
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: list[JobRequest],
) -> Response[Batch | Error]:
    """Create a batch

     Creates a batch with status DRAFT. No request runs before `finalize_batch`. The body may be up to 10
    MiB. An endpoint may have 10 active batches and 50000 queued requests, a batch 5000 requests.
    Accounts may have other limits; for some, 1000000 requests a day.

    Args:
        endpoint_id (str):
        body (list[JobRequest]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Batch | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: list[JobRequest],
) -> Batch | Error | None:
    """Create a batch

     Creates a batch with status DRAFT. No request runs before `finalize_batch`. The body may be up to 10
    MiB. An endpoint may have 10 active batches and 50000 queued requests, a batch 5000 requests.
    Accounts may have other limits; for some, 1000000 requests a day.

    Args:
        endpoint_id (str):
        body (list[JobRequest]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Batch | Error
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            client=client,
            body=body,
        )
    ).parsed
