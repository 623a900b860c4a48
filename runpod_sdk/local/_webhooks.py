"""Webhooks: telling the address that a job came with how the job has ended."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import ssl
from contextlib import aclosing

import httpx

from . import _wire
from ._limits import Limits
from ._rules.jobs import Job

logger = logging.getLogger("runpod_sdk.local")

_AT_ONCE = 64
"""Attempts under way; the others wait for one of these to be over."""

_USER_AGENT = "Go-http-client/2.0"  # as recorded


class Webhooks:
    """
    Deliver webhooks, as tasks of the running loop.

    Any 2xx takes a delivery. Anything else, a redirect too, is an attempt that failed, and is
    made again after each of `Limits.webhook_retry_delays`, in real time whatever the clock of
    the queue. Nothing of it has an effect on the job. What has not been taken by `close` is
    dropped. The proxies of the environment are not used.
    """

    def __init__(self, limits: Limits) -> None:
        self._delays = limits.webhook_retry_delays
        self._timeout = limits.webhook_timeout
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._deliveries: set[asyncio.Task[None]] = set()

    def ended(self, job: Job) -> None:
        """Begin to deliver the webhook of a job that has become terminal, if it has one."""
        url = job.submission.request.get(_wire.WEBHOOK)
        if not url:
            return
        if not url.lower().startswith(("http://", "https://")):
            logger.warning("the webhook of job %s is no http URL, and was not called", job.id)
            return
        delivery = asyncio.ensure_future(
            self._deliver(job.id, url, _wire.encode(_wire.webhook(job)))
        )
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    def close(self) -> None:
        """Drop what has not been taken yet."""
        for delivery in self._deliveries:
            delivery.cancel()

    async def _deliver(self, job_id: str, url: str, body: bytes) -> None:
        fault = await self._attempt(url, body)
        for delay in self._delays:
            if fault is None:
                return
            await asyncio.sleep(delay)
            fault = await self._attempt(url, body)
        if fault is not None:
            # Without the URL, which may hold a secret.
            logger.warning("nobody took the webhook of job %s: %s", job_id, fault)

    async def _attempt(self, url: str, body: bytes) -> str | None:
        """Send it once; None if it was taken, or else why not."""
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
            # By the transport, as a client of httpx logs the URL, which may hold a secret.
            async with (
                self._slots,
                asyncio.timeout(self._timeout),
                httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport,
                aclosing(await transport.handle_async_request(request)) as response,
            ):
                return None if response.is_success else f"HTTP {response.status_code}"
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except Exception as error:  # whatever an address that a stranger chose can lead to
            return type(error).__name__


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
