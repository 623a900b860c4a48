"""An endpoint of the sync client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from runpod_sdk import _openai
from runpod_sdk._flows import api
from runpod_sdk._flows.exchange import Operation
from runpod_sdk._flows.explaining import explain
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.port import Session
from runpod_sdk._flows.sending import perform
from runpod_sdk._flows.waiting import wait
from runpod_sdk._io import sync
from runpod_sdk._sync import mapping, running
from runpod_sdk._sync.job import Job
from runpod_sdk._sync.stream import Stream
from runpod_sdk.explanation import Explanation
from runpod_sdk.models import (
    EndpointHealth,
    Input_contra,
    JobState,
    Output_co,
    PurgeResult,
    subscriptable,
)
from runpod_sdk.settings import (
    UNSET,
    OnTimeout,
    Timeout,
    Unset,
    call_timeout,
    checked_id,
    checked_on_timeout,
    length_of_time,
)

if TYPE_CHECKING:
    from openai import OpenAI

    from runpod_sdk._sync.client import Runpod

T = TypeVar("T")


@frozen
class Endpoint(Generic[Input_contra, Output_co]):
    """
    A serverless endpoint: the queue that jobs are sent to. Made by `Runpod.endpoint`.

    `Endpoint[In, Out]` takes inputs of type In and gives outputs of type Out, as was asked by
    `input_type=In` and `output_type=Out`; of a plain `Endpoint` both are Any.
    """

    client: Runpod
    id: str
    input_type: Any = None
    """What inputs have to be; None where that was not said."""
    output_type: Any = None
    """What outputs are to be; None leaves them as decoded JSON."""

    if not TYPE_CHECKING:
        __class_getitem__ = subscriptable

    def __repr__(self) -> str:
        from runpod_sdk._display import line_of_endpoint

        return line_of_endpoint(self)

    def job(self, job_id: str) -> Job[Output_co]:
        """
        Return the job of that id; no request is sent.

        Raises:
            ValueError: The id is empty, "." or "..", or has a slash or white space.
        """
        return Job(self, checked_id(job_id, "job_id"))

    run = running.run
    run_sync = running.run_sync

    def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """
        Ask what has become of a job.

        Raises:
            NotFoundError: No such job at this endpoint, or its result has expired.

        Source: get_job_status in openapi/runpod-serverless.yaml.
        """
        op = api.status(self.id, checked_id(job_id, "job_id"))
        return self._perform(op, timeout)

    def wait(
        self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = "detach"
    ) -> JobState:
        """
        Wait until a job has ended, well or badly, and return its terminal state.

        Args:
            timeout: Longest total time, in seconds; None waits without limit.
            on_timeout: "cancel" cancels the job, best effort and within 5 seconds, when
                the time is up or the caller is interrupted; else it goes on.

        Raises:
            RunpodTimeoutError: *timeout* passed first; `.state` is the last that was seen.
            NotFoundError: No such job at this endpoint, or its result has expired.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        job_id, on_timeout = checked_id(job_id, "job_id"), checked_on_timeout(on_timeout)
        session = self._session
        deadline = session.deadline(length_of_time(timeout))
        guard = JobGuard(session, on_timeout, job_id)
        try:
            return sync.run(wait(session, job_id, deadline))
        except BaseException as reason:
            sync.run(guard.ended_by(reason))
            raise

    def stream(self, job_id: str, *, timeout: Timeout = None) -> Stream:
        """
        Stream the chunks that a job yields, as they arrive: each once and in order.

        The server hands out each chunk once. So a job should be streamed by one reader. To
        leave a stream and continue later, use `Job.stream` of one `Job` object: it begins with
        the chunks that were fetched and not consumed.

        Args:
            timeout: Longest total time, in seconds, from when the first chunk is asked for
                until the stream's end.

        Returns:
            An iterator of `StreamChunk`; also a context manager. Nothing is sent before the
            first chunk is asked for.

        Raises:
            JobError: The job failed; raised after its last chunk.
            StreamInterruptedError: Chunks are missing: a response was lost, or the job was
                given to another worker, and neither the job's output nor what that worker
                yields continues the chunks delivered so far.
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: No such job at this endpoint, or its result has expired.
            RuntimeError: Another thread is waiting for the next chunk.

        Source: stream_job in openapi/runpod-serverless.yaml.
        """
        return self.job(job_id).stream(timeout=timeout)

    def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """
        Cancel a job that waits or runs, and return the state that the server answers with.

        Raises:
            NotFoundError: No such job at this endpoint, or its result has expired.

        Source: cancel_job in openapi/runpod-serverless.yaml.
        """
        op = api.cancel(self.id, checked_id(job_id, "job_id"))
        return self._perform(op, timeout)

    def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState:
        """
        Put a job that failed or timed out into the queue again, with its id and input.

        What it returned before is dropped by the server.

        Raises:
            BadRequestError: The job is not one that can be retried.
            NotFoundError: No such job at this endpoint, or its result has expired.

        Source: retry_job in openapi/runpod-serverless.yaml.
        """
        op = api.retry(self.id, checked_id(job_id, "job_id"))
        return self._perform(op, timeout)

    def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> Explanation:
        """
        Find out why a job is where it is: in most cases, why it is still in the queue.

        Asks for the job's state and the endpoint's health, and judges by the workers
        that could take the job. What can't be found out is not raised but told: the
        reason is then `JobReason.UNKNOWN`.

        Args:
            timeout: Longest total time of all that is asked, in seconds.

        Returns:
            A reason code and a sentence, with the state and the health that they are of.

        Source: get_job_status, get_health in openapi/runpod-serverless.yaml.
        """
        job_id = checked_id(job_id, "job_id")
        session = self._session
        deadline = session.call_deadline(call_timeout(timeout))
        return sync.run(explain(session, job_id, deadline))

    def health(self, *, timeout: Timeout | Unset = UNSET) -> EndpointHealth:
        """
        Ask how many jobs and workers the endpoint has, by what they do.

        Source: get_health in openapi/runpod-serverless.yaml.
        """
        return self._perform(api.health(self.id), timeout)

    def purge_queue(self, *, timeout: Timeout | Unset = UNSET) -> PurgeResult:
        """
        Remove all jobs that wait in the queue; those that run go on. Never sent twice.

        Source: purge_queue in openapi/runpod-serverless.yaml.
        """
        return self._perform(api.purge(self.id), timeout)

    map = mapping.map

    @property
    def openai_base_url(self) -> str:
        """
        Where the endpoint takes the requests of OpenAI's API, if its worker knows them.

        For any client of that API; its API key is that of RunPod.
        """
        return _openai.base_url(self.client._config, self.id)

    def openai(self, **options: Any) -> OpenAI:
        """
        Return OpenAI's own client, pointed at this endpoint: `openai.OpenAI`.

        It has this client's key and base URL, and connections of its own, which are yours to
        close: it is a context manager. A proxy or a transport is to be given to it as well.

        Args:
            options: What else `openai.OpenAI` takes. `max_retries` is 0 unless given: each
                request is a job, and one that is sent again is paid again.

        Raises:
            ConfigurationError: The package is not installed: it is the extra `openai`.
        """
        made: OpenAI = _openai.make(
            "OpenAI", self.client._config, self.id, options, api.authorization
        )
        return made

    def _perform(self, op: Operation[T], timeout: Timeout | Unset) -> T:
        session = self._session
        deadline = session.call_deadline(call_timeout(timeout))
        return sync.run(perform(session, op, deadline))

    @property
    def _session(self) -> Session:
        client, config = self.client, self.client._config
        return Session(
            client._io,
            self.id,
            config.timeout,
            config.max_retries,
            self.job,
            client._newcomers,
            client._traffic,
            config.size_limits,
        )
