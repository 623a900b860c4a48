"""The port of the sync client: blocks, and never suspends."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Awaitable
from typing import TypeVar

import httpx

from runpod_sdk._flows.port import Call, Reply
from runpod_sdk._io import http
from runpod_sdk._io.deadline import deadline, enforce
from runpod_sdk.settings import Config

T = TypeVar("T")


class SyncIO:
    """An `IO` over `httpx.Client` and blocking sleep."""

    def __init__(self, config: Config, http_client: httpx.Client | None) -> None:
        http.check_client(http_client, httpx.Client)
        self._config = config
        self._lock = threading.Lock()
        self._own: httpx.Client | None = None
        self._pid = os.getpid()
        self._callers = http_client
        self._closed = False
        if http_client is not None:
            enforce(http_client)

    async def send(self, call: Call, limit: float | None) -> Reply:
        trace = http.Trace()
        try:
            with deadline(limit):  # from here: the first call also makes the client
                client = self._client()
                request = http.request(client, self._config, call, limit, trace.note)
                response = client.send(request, auth=None, follow_redirects=False, stream=True)
                with contextlib.closing(response):
                    body = http.Body(self._config, response)
                    for piece in response.iter_bytes():
                        if not body.add(piece):
                            break
        except httpx.HTTPError as fault:
            raise http.no_reply(fault, trace) from fault
        return body.reply()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - blocking is what this port is for

    async def shielded(self, flow: Awaitable[T]) -> T:
        return await flow

    def now(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        return random.random()

    def close(self) -> None:
        """Close the connections that are our own."""
        with self._lock:
            self._closed = True
            if self._own is not None:
                self._own.close()

    def __del__(self) -> None:
        if getattr(self, "_own", None) is not None and not self._closed:
            http.warn_unclosed(self)
            self.close()

    def _client(self) -> httpx.Client:
        if self._callers is not None:
            return self._callers
        with self._lock:
            if self._closed:
                raise RuntimeError("this client is closed: make a new one")
            if self._own is None or self._pid != os.getpid():  # a fork can't share sockets
                self._own = httpx.Client(**http.client_options(self._config))
                self._pid = os.getpid()
                enforce(self._own)
            return self._own


def run(flow: Awaitable[T]) -> T:
    """Run a flow over a `SyncIO`: one step takes it to its end."""
    steps = flow.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a flow of the sync client has suspended")
