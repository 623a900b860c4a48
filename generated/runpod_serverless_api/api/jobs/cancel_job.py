from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.job import Job
from ...types import Response

if TYPE_CHECKING:
    import httpx


def _get_kwargs(
    endpoint_id: str,
    job_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/{endpoint_id}/cancel/{job_id}".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
            job_id=quote(str(job_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Error | Job:
    if response.status_code == 200:
        response_200 = Job.from_dict(response.json())

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
) -> Response[Error | Job]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    endpoint_id: str,
    job_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[Error | Job]:
    """Cancel a job

     Removes a queued job from the queue, or asks the worker of a running job to stop. Send no body; the
    server ignores an empty object. The response for a terminal job is not known; most likely it is the
    job, unchanged. Rate limit: 100 requests in 10 seconds, 20 at the same time; more if the endpoint
    has many running workers.

    Args:
        endpoint_id (str):
        job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Job]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        job_id=job_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: str,
    job_id: str,
    *,
    client: AuthenticatedClient,
) -> Error | Job | None:
    """Cancel a job

     Removes a queued job from the queue, or asks the worker of a running job to stop. Send no body; the
    server ignores an empty object. The response for a terminal job is not known; most likely it is the
    job, unchanged. Rate limit: 100 requests in 10 seconds, 20 at the same time; more if the endpoint
    has many running workers.

    Args:
        endpoint_id (str):
        job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Job
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        job_id=job_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    endpoint_id: str,
    job_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[Error | Job]:
    """Cancel a job

     Removes a queued job from the queue, or asks the worker of a running job to stop. Send no body; the
    server ignores an empty object. The response for a terminal job is not known; most likely it is the
    job, unchanged. Rate limit: 100 requests in 10 seconds, 20 at the same time; more if the endpoint
    has many running workers.

    Args:
        endpoint_id (str):
        job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Job]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        job_id=job_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: str,
    job_id: str,
    *,
    client: AuthenticatedClient,
) -> Error | Job | None:
    """Cancel a job

     Removes a queued job from the queue, or asks the worker of a running job to stop. Send no body; the
    server ignores an empty object. The response for a terminal job is not known; most likely it is the
    job, unchanged. Rate limit: 100 requests in 10 seconds, 20 at the same time; more if the endpoint
    has many running workers.

    Args:
        endpoint_id (str):
        job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Job
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            job_id=job_id,
            client=client,
        )
    ).parsed
