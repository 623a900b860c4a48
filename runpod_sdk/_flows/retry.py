"""
When something is sent again, and after how long: one decision, whatever the loop.

kind            again after
READ            no answer, 408, 429, 5xx
SUBMIT          surely not taken: the connection or the proxy's tunnel was never made, the last byte
                of the request was not handed over, 429, 503
ACT, DRAIN      the same
PURGE           never

Never again after a failure that is permanent: a proxy's 407, a certificate that is not trusted,
a client that was closed.

The pause before the n-th retry is anything up to BACKOFF_FIRST · 2ⁿ⁻¹ (full jitter),
at most BACKOFF_LONGEST; more where the server asks for it, at most RETRY_AFTER_LONGEST.
"""

from __future__ import annotations

from enum import Enum

from runpod_sdk._flows.io import RequestFailed
from runpod_sdk.errors import APIStatusError
from runpod_sdk.settings import BACKOFF_FIRST, BACKOFF_LONGEST, RETRY_AFTER_LONGEST


class RepeatSafety(Enum):
    """
    What asking twice would mean.

    READ    nothing: ask again.
    SUBMIT  a second job, and a second bill.
    ACT     a second cancel or retry of the same job.
    PURGE   jobs removed that came after the first.
    DRAIN   nothing bad, but what the lost answer carried is gone.
    """

    READ = "read"
    SUBMIT = "submit"
    CHANGE = "act"
    PURGE = "purge"
    CONSUME = "drain"


def surely_not_taken(fault: RequestFailed | APIStatusError) -> bool:
    """Tell whether what was asked surely did not happen, and may be asked again."""
    if isinstance(fault, RequestFailed):
        return not fault.sent
    return fault.status_code in (429, 503)


def may_repeat(kind: RepeatSafety, fault: RequestFailed | APIStatusError) -> bool:
    """Tell whether a call of *kind* that met *fault* may be sent again."""
    if kind is RepeatSafety.PURGE or (isinstance(fault, RequestFailed) and fault.permanent):
        return False
    if kind is not RepeatSafety.READ:
        return surely_not_taken(fault)
    if isinstance(fault, RequestFailed):
        return True
    return fault.status_code in (408, 429) or fault.status_code >= 500


def pause(retry: int, fault: RequestFailed | APIStatusError, random: float) -> float:
    """Return the seconds before retry number *retry*, given a *random* number below 1."""
    asked = 0.0 if isinstance(fault, RequestFailed) else fault.retry_after or 0.0
    backoff = random * min(BACKOFF_FIRST * 2.0 ** min(retry - 1, 16), BACKOFF_LONGEST)
    return max(backoff, min(asked, RETRY_AFTER_LONGEST))
