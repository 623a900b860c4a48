"""Deliver the webhooks of jobs that have ended."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import ssl
from collections.abc import Callable
from contextlib import aclosing

from . import _wire
from ._limits import Limits
from ._rules.jobs import JobRecord

logger = logging.getLogger("runpod_sdk.local")

Note = Callable[[str, str], object]

_AT_ONCE = 64
"""The largest number of attempts at once."""

_USER_AGENT = "Go-http-client/2.0"  # as recorded


class Webhooks:
    """
    Delivers webhooks, as tasks of the running loop.

    Any 2xx answer accepts a delivery. Any other result, also a redirect, is a failed attempt,
    which is repeated after each of `Limits.webhook_retry_delays`, in real time, independent of the
    queue's clock. Deliveries have no effect on the job. `close` drops the deliveries that
    were not accepted yet. The proxies of the environment are not used.
    """

    def __init__(self, limits: Limits) -> None:
        self._delays = limits.webhook_retry_delays
        self._timeout = limits.webhook_timeout
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._deliveries: set[asyncio.Task[None]] = set()

    def ended(self, job: JobRecord, note: Note) -> None:
        """
        Start to deliver the webhook, if any, of a job that has become terminal.

        Args:
            job: The job, as it was then.
            note: Called with the job's id and the outcome of each attempt.
        """
        url = job.spec.request.get(_wire.WEBHOOK)
        if not url:
            return
        if not url.lower().startswith(("http://", "https://")):
            logger.warning("the webhook of job %s is not an http URL and was not called", job.id)
            return
        delivery = asyncio.ensure_future(
            self._deliver(job.id, url, _wire.encode(_wire.webhook(job)), note)
        )
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    def close(self) -> None:
        """Drop the deliveries that were not accepted yet."""
        for delivery in self._deliveries:
            delivery.cancel()

    async def _deliver(self, job_id: str, url: str, body: bytes, note: Note) -> None:
        fault: str | None = None
        for delay in (0.0, *self._delays):
            await asyncio.sleep(delay)
            fault = await self._attempt(url, body)
            note(job_id, fault or "accepted")
            if fault is None:
                return
        # Without the URL, which may contain a secret.
        logger.warning("the webhook of job %s was not accepted: %s", job_id, fault)

    async def _attempt(self, url: str, body: bytes) -> str | None:
        """Send a webhook once; return None if it was accepted, else the reason."""
        import httpx  # takes a third of the time to import this package

        headers = {
            "content-type": "application/json",
            "user-agent": _USER_AGENT,
            "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00",
        }
        verify = _tls() if url.lower().startswith("https:") else False
        try:
            request = httpx.Request("POST", url, content=body, headers=headers)
            if request.url.userinfo:
                auth = httpx.BasicAuth(request.url.username, request.url.password)
                request = next(auth.auth_flow(request))
            # Through the transport: an httpx client logs the URL, which may contain a secret.
            async with (
                self._slots,
                asyncio.timeout(self._timeout),
                httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport,
                aclosing(await transport.handle_async_request(request)) as response,
            ):
                return None if response.is_success else f"HTTP {response.status_code}"
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except Exception as error:  # the address is the client's choice, so anything can fail
            return type(error).__name__


@functools.cache
def _tls() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()
