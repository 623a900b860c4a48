from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...client import AuthenticatedClient, Client
from ...models.batch import Batch
from ...models.batch_listing import BatchListing
from ...models.error import Error
from ...types import Response

if TYPE_CHECKING:
    import httpx


def _get_kwargs(
    endpoint_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/{endpoint_id}/batch".format(
            endpoint_id=quote(str(endpoint_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> BatchListing | list[Batch] | Error:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> BatchListing | list[Batch]:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_batch_list_type_0 = BatchListing.from_dict(data)

                return componentsschemas_batch_list_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, list):
                raise TypeError()
            componentsschemas_batch_list_type_1 = []
            _componentsschemas_batch_list_type_1 = data
            for (
                componentsschemas_batch_list_type_1_item_data
            ) in _componentsschemas_batch_list_type_1:
                componentsschemas_batch_list_type_1_item = Batch.from_dict(
                    componentsschemas_batch_list_type_1_item_data
                )

                componentsschemas_batch_list_type_1.append(componentsschemas_batch_list_type_1_item)

            return componentsschemas_batch_list_type_1

        response_200 = _parse_response_200(response.json())

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
) -> Response[BatchListing | list[Batch] | Error]:
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
) -> Response[BatchListing | list[Batch] | Error]:
    """List the endpoint's batches

     Returns the endpoint's batches, newest first. The form of the list is not known.

    Args:
        endpoint_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchListing | list[Batch] | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
) -> BatchListing | list[Batch] | Error | None:
    """List the endpoint's batches

     Returns the endpoint's batches, newest first. The form of the list is not known.

    Args:
        endpoint_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchListing | list[Batch] | Error
    """

    return sync_detailed(
        endpoint_id=endpoint_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[BatchListing | list[Batch] | Error]:
    """List the endpoint's batches

     Returns the endpoint's batches, newest first. The form of the list is not known.

    Args:
        endpoint_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchListing | list[Batch] | Error]
    """

    kwargs = _get_kwargs(
        endpoint_id=endpoint_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    endpoint_id: str,
    *,
    client: AuthenticatedClient,
) -> BatchListing | list[Batch] | Error | None:
    """List the endpoint's batches

     Returns the endpoint's batches, newest first. The form of the list is not known.

    Args:
        endpoint_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchListing | list[Batch] | Error
    """

    return (
        await asyncio_detailed(
            endpoint_id=endpoint_id,
            client=client,
        )
    ).parsed
