from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.job import Job
from ...models.job_request import JobRequest
from ...types import UNSET, Response, Unset

if TYPE_CHECKING:
    import httpx


def _get_kwargs(
    endpoint_id: str,
    *,
    body: JobRequest,
    wait: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    params["wait"] = wait

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/{endpoint_id}/runsync".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
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
    *,
    client: AuthenticatedClient,
    body: JobRequest,
    wait: int | Unset = UNSET,
) -> Response[Error | Job]:
    """Submit a job and wait for its result

     Holds the request until the job is terminal or `wait` has passed. If `wait` passes first, the server
    returns the job as it is, and the job continues. The body may be up to 20 MB. The server keeps a
    result for 1 minute after the job has finished, and up to 5 minutes if the request had `wait`. Rate
    limit: 2000 requests in 10 seconds, 400 at the same time; more if the endpoint has many running
    workers.

    Args:
        endpoint_id (str):
        wait (int | Unset):
        body (JobRequest): A job to run. Members other than these never reach the handler.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Job]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        body=body,
        wait=wait,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: JobRequest,
    wait: int | Unset = UNSET,
) -> Error | Job | None:
    """Submit a job and wait for its result

     Holds the request until the job is terminal or `wait` has passed. If `wait` passes first, the server
    returns the job as it is, and the job continues. The body may be up to 20 MB. The server keeps a
    result for 1 minute after the job has finished, and up to 5 minutes if the request had `wait`. Rate
    limit: 2000 requests in 10 seconds, 400 at the same time; more if the endpoint has many running
    workers.

    Args:
        endpoint_id (str):
        wait (int | Unset):
        body (JobRequest): A job to run. Members other than these never reach the handler.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Job
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        client=client,
        body=body,
        wait=wait,
    ).parsed


async def asyncio_detailed(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: JobRequest,
    wait: int | Unset = UNSET,
) -> Response[Error | Job]:
    """Submit a job and wait for its result

     Holds the request until the job is terminal or `wait` has passed. If `wait` passes first, the server
    returns the job as it is, and the job continues. The body may be up to 20 MB. The server keeps a
    result for 1 minute after the job has finished, and up to 5 minutes if the request had `wait`. Rate
    limit: 2000 requests in 10 seconds, 400 at the same time; more if the endpoint has many running
    workers.

    Args:
        endpoint_id (str):
        wait (int | Unset):
        body (JobRequest): A job to run. Members other than these never reach the handler.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Job]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
        body=body,
        wait=wait,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
    body: JobRequest,
    wait: int | Unset = UNSET,
) -> Error | Job | None:
    """Submit a job and wait for its result

     Holds the request until the job is terminal or `wait` has passed. If `wait` passes first, the server
    returns the job as it is, and the job continues. The body may be up to 20 MB. The server keeps a
    result for 1 minute after the job has finished, and up to 5 minutes if the request had `wait`. Rate
    limit: 2000 requests in 10 seconds, 400 at the same time; more if the endpoint has many running
    workers.

    Args:
        endpoint_id (str):
        wait (int | Unset):
        body (JobRequest): A job to run. Members other than these never reach the handler.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Job
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            client=client,
            body=body,
            wait=wait,
        )
    ).parsed
