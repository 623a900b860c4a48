"""The service's batches: experimental."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from runpod_sdk._flows import api
from runpod_sdk._flows import batches as flows
from runpod_sdk._flows.api import batch_operations
from runpod_sdk._flows.many.result_taker import checked_inputs
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.send import call
from runpod_sdk._io import aio
from runpod_sdk.batches import BatchResult, BatchState
from runpod_sdk.models import ExecutionPolicy, S3Config
from runpod_sdk.settings import UNSET, Timeout, Unset, call_timeout, checked_id, length_of_time

T = TypeVar("T")


@frozen
class AsyncEndpointBatches:
    """
    The batches of an endpoint. Made by `AsyncEndpoint.batches`.

    Experimental: RunPod documents the responses of its batch API only in part.
    """

    endpoint: Any
    """The endpoint, an `AsyncEndpoint`."""

    async def create(
        self,
        inputs: Iterable[Any],
        *,
        webhook: str | None = None,
        policy: ExecutionPolicy | None = None,
        s3_config: S3Config | None = None,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncBatch:
        """
        Create a batch with a request for each input. No request runs before `finalize`.

        The requests are sent in calls of less than 10 MiB. Inputs are read as they are sent. If a
        call fails, the batch remains a draft, and the error's notes contain its id.

        Args:
            inputs: The inputs of the requests; see `AsyncEndpoint.run`.
            webhook: URL that RunPod calls when a request has ended.
            policy: Limits of each request on the server.
            s3_config: Storage for large results, passed to the handler.
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout for each call.
            extra_headers: Additional headers of each request.

        Raises:
            ValueError, TypeError: An input has no JSON form.
            RequestTooLargeError: An input is larger than 10 MiB as JSON.
            BadRequestError: The server rejected the requests, for example more than 5000.

        Source: create_batch, add_batch_requests in openapi/runpod-serverless.yaml.
        """
        requests = self._requests(inputs, webhook, policy, s3_config)
        del inputs, webhook, s3_config  # which a traceback would show
        context = self.endpoint._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        state = await aio.drive(flows.create(context, requests, deadline))
        return AsyncBatch(self.endpoint, state.id)

    def batch(self, batch_id: str) -> AsyncBatch:
        """Return the batch with this id. No request is sent."""
        return AsyncBatch(self.endpoint, checked_id(batch_id, "batch_id"))

    def _requests(
        self,
        inputs: Iterable[Any],
        webhook: str | None,
        policy: ExecutionPolicy | None,
        s3_config: S3Config | None,
    ) -> Iterable[api.JobRequest]:
        def request(value: Any) -> api.JobRequest:
            return api.request(
                None,
                input=value,
                webhook=webhook,
                policy=policy,
                s3_config=s3_config,
                input_type=self.endpoint.input_type,
                warns=False,
            )

        if self.endpoint.input_type is None:
            request(None)  # what is wrong with the options is found before anything is sent
        return map(request, checked_inputs(inputs))


@frozen
class AsyncBatch:
    """
    A batch, known by its id. `AsyncEndpointBatches` makes it.

    Experimental: RunPod documents the responses of its batch API only in part.
    """

    endpoint: Any
    """The endpoint, an `AsyncEndpoint`."""
    id: str

    async def add(
        self,
        inputs: Iterable[Any],
        *,
        timeout: Timeout | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        Add requests to the draft, in calls of less than 10 MiB.

        Args:
            inputs: The inputs of the requests; see `AsyncEndpoint.run`.
            timeout: Longest total time in seconds; None is no limit. By default the client's
                timeout for each call.
            extra_headers: Additional headers of each request.

        Raises:
            BadRequestError: The batch is not a draft, or it would have too many requests.

        Source: add_batch_requests in openapi/runpod-serverless.yaml.
        """
        requests = AsyncEndpointBatches(self.endpoint)._requests(inputs, None, None, None)
        del inputs  # which a traceback would show
        context = self.endpoint._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        await aio.drive(flows.add(context, self.id, requests, deadline))

    async def finalize(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> None:
        """
        Start the batch: no request can be added any more, and workers process them.

        Args:
            timeout: Longest total time in seconds; None is no limit.
            extra_headers: Additional headers of each request.

        Source: finalize_batch in openapi/runpod-serverless.yaml.
        """
        op = batch_operations.finalize(self.endpoint.id, self.id)
        await self._call(op, timeout, extra_headers)

    async def status(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> BatchState:
        """
        Return the batch's status and counts.

        Args:
            timeout: Longest total time in seconds; None is no limit.
            extra_headers: Additional headers of each request.

        Raises:
            NotFoundError: The endpoint has no such batch.

        Source: get_batch in openapi/runpod-serverless.yaml.
        """
        op = batch_operations.get(self.endpoint.id, self.id)
        return await self._call(op, timeout, extra_headers)

    async def wait(
        self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None
    ) -> BatchState:
        """
        Wait until all requests have ended, or the batch has failed or was cancelled.

        Failed requests do not raise: see `results`. The client polls, at most every 30 seconds.

        Args:
            timeout: Longest total time in seconds; None waits without limit.
            extra_headers: Additional headers of each request.

        Raises:
            RunpodTimeoutError: *timeout* passed first.
            ValueError: The batch is a draft: finalize it first.

        Source: get_batch in openapi/runpod-serverless.yaml.
        """
        context = self.endpoint._with_headers(extra_headers)
        deadline = context.deadline(length_of_time(timeout))
        return await aio.drive(flows.wait(context, self.id, deadline))

    def results(
        self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[BatchResult]:
        """
        Iterate over the batch's requests with their results, page by page, in the server's order.

        Requests that have not ended are included, without a result.

        Args:
            timeout: Longest total time in seconds; None is no limit.
            extra_headers: Additional headers of each request.

        Returns:
            An async iterator of `BatchResult`. Nothing is sent before the first is requested.

        Source: list_batch_requests in openapi/runpod-serverless.yaml.
        """
        context = self.endpoint._with_headers(extra_headers)
        reader = flows.ResultReader(context, self.id, length_of_time(timeout))
        return aio.AsyncQueueIterator(reader.fill)

    async def cancel(
        self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None
    ) -> None:
        """
        Cancel the queued requests; running requests finish.

        Args:
            timeout: Longest total time in seconds; None is no limit.
            extra_headers: Additional headers of each request.

        Source: cancel_batch in openapi/runpod-serverless.yaml.
        """
        op = batch_operations.cancel(self.endpoint.id, self.id)
        await self._call(op, timeout, extra_headers)

    async def _call(
        self,
        op: Operation[T],
        timeout: Timeout | Unset,
        extra_headers: Mapping[str, str] | None,
    ) -> T:
        context = self.endpoint._with_headers(extra_headers)
        deadline = context.call_deadline(call_timeout(timeout))
        return await aio.drive(call(context, op, deadline))
