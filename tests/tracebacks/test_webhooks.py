"""A receiver of webhooks whose handler fails: no frame of ours shows the URL that was called."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from traceback import TracebackException
from typing import Any

import pytest

from runpod_sdk import webhooks

CANARY = "CANARY"
BODY = json.dumps({"id": "j1", "status": "COMPLETED", "output": 1, "input": CANARY * 3})


class Call:
    """A call of a receiver, in an object that no tool shows the parts of."""

    def __init__(self, *, forged: bool = False) -> None:
        self.receiver = webhooks.Receiver("https://here.test/hook", "a secret of some length")
        self.query = self.receiver.url_for(CANARY).partition("?")[2] + ("0" if forged else "")

    def by_asgi(self) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": BODY.encode(), "more_body": False}

        async def send(_: Any) -> None:
            raise AssertionError("nothing is answered")

        asyncio.run(
            self.receiver.asgi(fail)(  # type: ignore[arg-type]
                {"type": "http", "method": "POST", "query_string": self.query.encode()},
                receive,
                send,
            )
        )

    def by_wsgi(self) -> None:
        self.receiver.wsgi(fail)(
            {
                "REQUEST_METHOD": "POST",
                "QUERY_STRING": self.query,
                "CONTENT_LENGTH": str(len(BODY)),
                "wsgi.input": io.BytesIO(BODY.encode()),
            },
            lambda *_: (_ for _ in ()).throw(AssertionError("nothing is answered")),
        )

    def by_view(self) -> None:
        with self.receiver.taking(self.query, BODY):
            fail(None)

    def receive(self) -> None:
        self.receiver.receive(self.query, BODY)

    def check(self) -> None:
        self.receiver.check(self.query)


def shown(error: BaseException) -> str:
    """Return what a tool that records local variables shows of it."""
    return "".join(TracebackException.from_exception(error, capture_locals=True).format())


def fail(_: object) -> None:
    del _  # the input is the handler's own
    raise KeyError("of the handler")


@pytest.mark.parametrize("way", [Call.by_asgi, Call.by_wsgi, Call.by_view])
def test_a_handler_that_fails(way: Callable[[Call], None]) -> None:
    """An error tracker gets the handler's own variables, and not the signed URL."""
    with pytest.raises(KeyError) as caught:
        way(Call())
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("way", [Call.receive, Call.check])
def test_a_forged_call(way: Callable[[Call], None]) -> None:
    """Neither is it shown where the call is refused."""
    with pytest.raises(webhooks.ForgedError) as caught:
        way(Call(forged=True))
    assert CANARY not in shown(caught.value)
