"""The tools: each returns all that it shows of an exception, and of its causes and contexts."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import sentry_sdk
from rich.traceback import Traceback
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.aiohttp import AioHttpIntegration
from sentry_sdk.integrations.httpx import HttpxIntegration
from sentry_sdk.integrations.modules import ModulesIntegration
from sentry_sdk.transport import Transport

_events: list[str] = []


class _Collecting(Transport):
    """Keeps the events that would be sent."""

    def capture_envelope(self, envelope: Envelope) -> None:
        _events.append(envelope.serialize().decode())


def begin() -> None:
    """Set Sentry's SDK up, almost with its defaults; for the whole process."""
    sentry_sdk.init(
        "https://key@127.0.0.1/1",
        transport=_Collecting,
        # Of the others, that look for what is installed, it loads half a second of libraries.
        auto_enabling_integrations=False,
        integrations=[AioHttpIntegration(), HttpxIntegration()],
        disabled_integrations=[ModulesIntegration()],  # which lists what is installed, each time
    )


def sentry(error: BaseException) -> str:
    _events.clear()
    sentry_sdk.capture_exception(error)
    sentry_sdk.get_isolation_scope().clear_breadcrumbs()  # else the next events repeat them
    shown = "\n".join(_events)
    assert '"vars"' in shown, "no local variables were recorded"
    return shown


def rich(error: BaseException) -> str:
    trace = Traceback.extract(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=None,  # type: ignore[arg-type]
        locals_max_string=None,  # type: ignore[arg-type]
        locals_hide_dunder=False,
    )
    frames = [frame for stack in trace.stacks for frame in stack.frames]
    assert any(frame.locals for frame in frames), "no local variables were recorded"
    shown = [str(node) for frame in frames for node in (frame.locals or {}).values()]
    return "\n".join([*shown, *(stack.exc_value for stack in trace.stacks)])


def standard(error: BaseException) -> str:
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format())


TOOLS: dict[str, Callable[[BaseException], str]] = {
    "sentry": sentry,
    "rich": rich,
    "traceback": standard,
}
