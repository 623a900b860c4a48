"""Public names of `runpod_sdk`; written by scripts/release."""


class APIConnectionError(RunpodError):
    index: int | None
    job: Job | AsyncJob | None

class APIResponseValidationError(RunpodError):
    def __init__(self, message: str, *, body: JSONValue = None) -> None: ...
    body: object
    index: int | None
    job: Job | AsyncJob | None

class APIStatusError(RunpodError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class AsyncEndpoint(Generic[Input_contra, Output_co]):
    async def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    client: AsyncRunpod
    async def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> Explanation: ...
    async def health(self, *, timeout: Timeout | Unset = UNSET) -> EndpointHealth: ...
    id: str
    input_type: Any
    def job(self, job_id: str) -> AsyncJob[Output_co]: ...
    def map(self: AsyncEndpoint[Any, Any], inputs: AsyncInputs[Any], *, concurrency: int = CONCURRENCY, ordered: bool = True, timeout: Timeout = None, on_error: OnError = 'yield', on_leave: OnLeave = 'detach', progress: bool | Callable[[MapProgress], object] | None = None, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, journal: Journal | str | PathLike[str] | None = None) -> AsyncResults[MapResult[Any]]: ...
    def openai(self, **options: Any) -> AsyncOpenAI: ...
    openai_base_url: str
    output_type: Any
    async def purge_queue(self, *, timeout: Timeout | Unset = UNSET) -> PurgeResult: ...
    async def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    async def run(self: AsyncEndpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET) -> AsyncJob[Out]: ...
    async def run_sync(self: AsyncEndpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout = RUN_SYNC_TIMEOUT, check: bool = True, on_timeout: OnTimeout = 'detach', output_type: Any = None) -> JobState[Any]: ...
    async def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def stream(self, job_id: str, *, timeout: Timeout = None) -> AsyncStream: ...
    async def wait(self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach') -> JobState: ...

class AsyncJob(Generic[Output_co]):
    async def cancel(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    endpoint: AsyncEndpoint[Any, Output_co]
    async def explain(self, *, timeout: Timeout | Unset = UNSET) -> Explanation: ...
    id: str
    async def output(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', output_type: Any = None) -> Any: ...
    async def retry(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    async def status(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def stream(self, *, timeout: Timeout = None) -> AsyncStream: ...
    async def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach') -> JobState: ...

class AsyncResults(AsyncIterator[R]):
    def __init__(self, taker: Taker[R]) -> None: ...
    async def aclose(self) -> None: ...
    in_flight: dict[int, str]
    uncertain: tuple[int, ...]

class AsyncRunpod:
    def __init__(self, api_key: str | None = None, *, base_url: str | None = None, timeout: Timeout = settings.TIMEOUT, max_retries: int = settings.MAX_RETRIES, max_response_size: int = settings.MAX_RESPONSE_SIZE, rate_limits: bool = True, size_limits: bool = True, telemetry: bool = True, http_client: httpx.AsyncClient | None = None, transport: Transport = 'anyio') -> None: ...
    async def aclose(self) -> None: ...
    def as_completed(self, jobs: Iterable[AsyncJob[Out]], *, timeout: Timeout = None, concurrency: int = CONCURRENCY) -> AsyncResults[JobResult[AsyncJob[Out], Out]]: ...
    def endpoint(self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None) -> AsyncEndpoint[Any, Any]: ...
    async def wait_all(self, jobs: Iterable[AsyncJob], *, timeout: Timeout = None, concurrency: int = CONCURRENCY) -> list[JobState]: ...

class AsyncStream(AsyncIterator[StreamChunk]):
    def __init__(self, reader: ChunkReader) -> None: ...
    async def aclose(self) -> None: ...
    undelivered: tuple[StreamChunk, ...]

class AuthenticationError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class BadRequestError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class ConfigurationError(RunpodError):
    index: int | None
    job: Job | AsyncJob | None

class ConflictError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class Endpoint(Generic[Input_contra, Output_co]):
    def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    client: Runpod
    def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> Explanation: ...
    def health(self, *, timeout: Timeout | Unset = UNSET) -> EndpointHealth: ...
    id: str
    input_type: Any
    def job(self, job_id: str) -> Job[Output_co]: ...
    def map(self: Endpoint[Any, Any], inputs: Inputs[Any], *, concurrency: int = CONCURRENCY, ordered: bool = True, timeout: Timeout = None, on_error: OnError = 'yield', on_leave: OnLeave = 'detach', progress: bool | Callable[[MapProgress], object] | None = None, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, journal: Journal | str | PathLike[str] | None = None) -> Results[MapResult[Any]]: ...
    def openai(self, **options: Any) -> OpenAI: ...
    openai_base_url: str
    output_type: Any
    def purge_queue(self, *, timeout: Timeout | Unset = UNSET) -> PurgeResult: ...
    def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def run(self: Endpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET) -> Job[Out]: ...
    def run_sync(self: Endpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout = RUN_SYNC_TIMEOUT, check: bool = True, on_timeout: OnTimeout = 'detach', output_type: Any = None) -> JobState[Any]: ...
    def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def stream(self, job_id: str, *, timeout: Timeout = None) -> Stream: ...
    def wait(self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach') -> JobState: ...

class EndpointHealth:
    extra: Mapping[str, JSONValue]
    jobs: JobCounts
    def to_dict(self) -> dict[str, JSONValue]: ...
    workers: WorkerCounts

class ExecutionPolicy:
    execution_timeout: float | None
    low_priority: bool | None
    ttl: float | None

class Explanation:
    health: EndpointHealth | None
    reason: JobReason
    state: JobState | None
    text: str

InputValue: TypeAlias

JSONValue: TypeAlias

class Job(Generic[Output_co]):
    def cancel(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    endpoint: Endpoint[Any, Output_co]
    def explain(self, *, timeout: Timeout | Unset = UNSET) -> Explanation: ...
    id: str
    def output(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', output_type: Any = None) -> Any: ...
    def retry(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def status(self, *, timeout: Timeout | Unset = UNSET) -> JobState: ...
    def stream(self, *, timeout: Timeout = None) -> Stream: ...
    def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach') -> JobState: ...

class JobCancelledError(JobError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    state: object

class JobCounts(Nesting):
    completed: int | None
    extra: Mapping[str, JSONValue]
    failed: int | None
    in_progress: int | None
    in_queue: int | None
    retried: int | None

class JobError(RunpodError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    state: object

class JobFailedError(JobError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    state: object

class JobReason(StrEnum):
    ALL_BUSY = 'ALL_BUSY'
    DONE = 'DONE'
    INITIALIZING = 'INITIALIZING'
    NOT_FOUND = 'NOT_FOUND'
    NO_WORKERS = 'NO_WORKERS'
    QUEUE_AHEAD = 'QUEUE_AHEAD'
    RUNNING = 'RUNNING'
    STARTING = 'STARTING'
    THROTTLED = 'THROTTLED'
    UNHEALTHY = 'UNHEALTHY'
    UNKNOWN = 'UNKNOWN'

class JobResult(Generic[J, Output_co]):
    error: RunpodError | None
    job: J
    output: Output_co
    state: JobState | None

class JobState(Generic[Output_co]):
    completed: bool
    delay_time: timedelta | None
    error: str | None
    execution_time: timedelta | None
    extra: Mapping[str, JSONValue]
    has_output: bool
    id: str
    output: Output_co
    def output_as(self, output_type: Any) -> Any: ...
    progress: Any
    def raise_for_status(self) -> JobState[Output_co]: ...
    retries: int | None
    started: bool
    status: JobStatus | str
    succeeded: bool
    def to_dict(self) -> dict[str, JSONValue]: ...
    worker_id: str | None

class JobStatus(StrEnum):
    CANCELLED = 'CANCELLED'
    COMPLETED = 'COMPLETED'
    FAILED = 'FAILED'
    IN_PROGRESS = 'IN_PROGRESS'
    IN_QUEUE = 'IN_QUEUE'
    TIMED_OUT = 'TIMED_OUT'

class JobTimedOutError(JobError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    state: object

class Journal:
    def __init__(self, path: str | os.PathLike[str]) -> None: ...
    def close(self) -> None: ...
    counts: dict[JournalStatus, int]
    def failed(self) -> list[JournalEntry]: ...
    path: object
    def resolve(self, index: int, decision: Literal['resubmit', 'skip'] | str) -> None: ...
    def uncertain(self) -> list[JournalEntry]: ...

class JournalEntry:
    digest: bytes
    index: int
    job_id: str | None
    result: Mapping[str, JSONValue] | None
    since: datetime
    status: JournalStatus

class JournalError(RunpodError):
    index: int | None
    job: Job | AsyncJob | None

class JournalStatus(StrEnum):
    EXPIRED = 'expired'
    FAILED = 'failed'
    OPEN = 'open'
    RUNNING = 'running'
    SKIPPED = 'skipped'
    SUCCEEDED = 'succeeded'
    UNCERTAIN = 'uncertain'

class MapProgress:
    failed: int
    finished: int
    submitted: int
    total: int | None

class MapResult(Generic[T, Output_co]):
    error: RunpodError | None
    index: int
    input: T
    job_id: str | None
    output: Output_co
    state: JobState | None

class NotFoundError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class OutputValidationError(RunpodError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    state: object

class PayloadTooLargeError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class PermissionDeniedError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class PurgeResult:
    extra: Mapping[str, JSONValue]
    removed: int | None
    status: str | None
    def to_dict(self) -> dict[str, JSONValue]: ...

class RateLimitError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class RequestTooLargeError(RunpodError, ValueError):
    def __init__(self, message: str, *, size: int, limit: int) -> None: ...
    index: int | None
    job: Job | AsyncJob | None
    limit: object
    size: object

class Results(Iterator[R]):
    def __init__(self, taker: Taker[R]) -> None: ...
    def close(self) -> None: ...
    in_flight: dict[int, str]
    uncertain: tuple[int, ...]

class Runpod:
    def __init__(self, api_key: str | None = None, *, base_url: str | None = None, timeout: Timeout = settings.TIMEOUT, max_retries: int = settings.MAX_RETRIES, max_response_size: int = settings.MAX_RESPONSE_SIZE, rate_limits: bool = True, size_limits: bool = True, telemetry: bool = True, http_client: httpx.Client | None = None) -> None: ...
    def as_completed(self, jobs: Iterable[Job[Out]], *, timeout: Timeout = None, concurrency: int = CONCURRENCY) -> Results[JobResult[Job[Out], Out]]: ...
    def close(self) -> None: ...
    def endpoint(self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None) -> Endpoint[Any, Any]: ...
    def wait_all(self, jobs: Iterable[Job], *, timeout: Timeout = None, concurrency: int = CONCURRENCY) -> list[JobState]: ...

class RunpodError(Exception):
    index: int | None
    job: Job | AsyncJob | None

class RunpodTimeoutError(RunpodError, TimeoutError):
    def __init__(self, message: str, *, job: Job | AsyncJob | None = None, state: JobState | None = None) -> None: ...
    cancelled = False
    index: int | None
    job: object
    state: object

class S3Config:
    access_id: str
    access_secret: str
    bucket_name: str
    endpoint_url: str
    object_path: str | None

class ServerError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class Stream(Iterator[StreamChunk]):
    def __init__(self, reader: ChunkReader) -> None: ...
    def close(self) -> None: ...
    undelivered: tuple[StreamChunk, ...]

class StreamChunk:
    extra: Mapping[str, JSONValue]
    metrics: Any
    output: Any
    def to_dict(self) -> dict[str, JSONValue]: ...

class StreamInterruptedError(APIConnectionError):
    def __init__(self, message: str, *, job: Job | AsyncJob | None = None, state: JobState | None = None) -> None: ...
    index: int | None
    job: object
    state: object

class SubmissionResponseError(APIResponseValidationError, SubmissionUncertainError):
    def __init__(self, message: str, *, body: JSONValue = None) -> None: ...
    body: object
    index: int | None
    job: Job | AsyncJob | None

class SubmissionServerError(ServerError, SubmissionUncertainError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: Job | AsyncJob | None
    request_id: object
    retry_after: object
    status_code: object

class SubmissionTimeoutError(RunpodTimeoutError, SubmissionUncertainError):
    def __init__(self, message: str, *, job: Job | AsyncJob | None = None, state: JobState | None = None) -> None: ...
    cancelled = False
    index: int | None
    job: object
    state: object

class SubmissionUncertainError(APIConnectionError):
    index: int | None
    job: Job | AsyncJob | None

class WorkerCounts(Nesting):
    extra: Mapping[str, JSONValue]
    idle: int | None
    initializing: int | None
    ready: int | None
    running: int | None
    throttled: int | None
    unhealthy: int | None
