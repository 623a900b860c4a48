"""
Retries: which requests are sent again, and after which pause.

kind              retried after
READ              no response, 408, 429, 5xx
SUBMIT            certainly not accepted: the connection or the proxy's tunnel was never made, the
                  last byte of the request was not handed to the system, 429, 503
CHANGE, CONSUME   as SUBMIT
PURGE             never

A permanent failure is never retried: a proxy's 407, an untrusted certificate, a closed client.

The pause before the n-th retry is random, up to BACKOFF_FIRST · 2ⁿ⁻¹ (full jitter) and at most
BACKOFF_LONGEST. If the server asks for a longer pause, it is at most RETRY_AFTER_LONGEST.
"""

from __future__ import annotations

from enum import Enum

from runpod_sdk._flows.io import RequestFailed
from runpod_sdk.errors import APIStatusError
from runpod_sdk.settings import BACKOFF_FIRST, BACKOFF_LONGEST, RETRY_AFTER_LONGEST


class RepeatSafety(Enum):
    """
    The effect of a second request.

    READ     none
    SUBMIT   a second job, which is paid for too
    CHANGE   a second cancel or retry of the same job
    PURGE    newer jobs are removed
    CONSUME  none, but the chunks of a lost response are lost
    """

    READ = "read"
    SUBMIT = "submit"
    CHANGE = "act"
    PURGE = "purge"
    CONSUME = "drain"


def certainly_not_accepted(fault: RequestFailed | APIStatusError) -> bool:
    """Return whether the server certainly did not accept the request."""
    if isinstance(fault, RequestFailed):
        return not fault.sent
    return fault.status_code in (429, 503)


def may_repeat(kind: RepeatSafety, fault: RequestFailed | APIStatusError) -> bool:
    """Return whether a request of *kind* may be sent again after *fault*."""
    if kind is RepeatSafety.PURGE or (isinstance(fault, RequestFailed) and fault.permanent):
        return False
    if kind is not RepeatSafety.READ:
        return certainly_not_accepted(fault)
    if isinstance(fault, RequestFailed):
        return True
    return fault.status_code in (408, 429) or fault.status_code >= 500


def pause(retry: int, fault: RequestFailed | APIStatusError, random: float) -> float:
    """Return the seconds before retry number *retry*, given a *random* number below 1."""
    requested = 0.0 if isinstance(fault, RequestFailed) else fault.retry_after or 0.0
    backoff = random * min(BACKOFF_FIRST * 2.0 ** min(retry - 1, 16), BACKOFF_LONGEST)
    return max(backoff, min(requested, RETRY_AFTER_LONGEST))
