"""Public names of `runpod_sdk`; written by scripts/release."""


class APIConnectionError(RunpodError):
    index: int | None
    job: JobHandle | None

class APIResponseValidationError(RunpodError):
    def __init__(self, message: str, *, body: JSONValue = None) -> None: ...
    body: object
    index: int | None
    job: JobHandle | None

class APIStatusError(RunpodError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class AsyncBatch:
    async def add(self, inputs: Iterable[Any], *, timeout: Timeout | Unset = UNSET) -> None: ...
    async def cancel(self, *, timeout: Timeout | Unset = UNSET) -> None: ...
    endpoint: Any
    async def finalize(self, *, timeout: Timeout | Unset = UNSET) -> None: ...
    id: str
    def results(self, *, timeout: Timeout = None) -> AsyncIterator[BatchResult]: ...
    async def status(self, *, timeout: Timeout | Unset = UNSET) -> BatchState: ...
    async def wait(self, *, timeout: Timeout = None) -> BatchState: ...

class AsyncEndpoint(Generic[Input_contra, Output_co]):
    batches: AsyncEndpointBatches
    async def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    client: AsyncRunpod
    async def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> Explanation: ...
    async def health(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> EndpointHealth: ...
    id: str
    input_type: Any
    def job(self, job_id: str) -> AsyncJob[Output_co]: ...
    def map(self: AsyncEndpoint[Any, Any], inputs: AsyncInputs[Any], *, concurrency: int = 100, ordered: bool = True, timeout: Timeout = None, on_error: OnError = 'yield', on_leave: OnLeave = 'detach', progress: bool | Callable[[MapProgress], object] | None = None, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, journal: Journal | str | PathLike[str] | None = None, on_update: Callable[[int, JobState], object] | None = None, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> AsyncResults[MapResult[Any]]: ...
    def openai(self, **options: Any) -> AsyncOpenAI: ...
    openai_base_url: str
    output_type: Any
    async def purge_queue(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> PurgeResult: ...
    async def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    async def run(self: AsyncEndpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> AsyncJob[Out]: ...
    async def run_sync(self: AsyncEndpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout = 90.0, check: bool = True, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, output_type: Any = None, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> JobState[Any]: ...
    async def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def stream(self, job_id: str, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> AsyncStream: ...
    def updates(self, job_id: str, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> AsyncIterator[JobState]: ...
    async def wait(self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None) -> JobState: ...

class AsyncEndpointBatches:
    def batch(self, batch_id: str) -> AsyncBatch: ...
    async def create(self, inputs: Iterable[Any], *, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> AsyncBatch: ...
    endpoint: Any

class AsyncJob(Generic[Output_co]):
    async def cancel(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    endpoint: AsyncEndpoint[Any, Output_co]
    async def explain(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> Explanation: ...
    id: str
    async def output(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None, output_type: Any = None) -> Any: ...
    async def retry(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    async def save_output(self, directory: str | PathLike[str], *, timeout: Timeout = None, overwrite: bool = False, extra_headers: Mapping[str, str] | None = None) -> list[Path]: ...
    async def status(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def stream(self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> AsyncStream: ...
    def updates(self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> AsyncIterator[JobState]: ...
    async def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None) -> JobState: ...

class AsyncResults(AsyncIterator[R]):
    def __init__(self, taker: ResultTaker[R]) -> None: ...
    async def aclose(self) -> None: ...
    in_flight: dict[int, str]
    uncertain: tuple[int, ...]

class AsyncRunpod:
    def __init__(self, api_key: str | KeyFunction | None = None, *, base_url: str | None = None, timeout: Timeout = 10.0, max_retries: int = 2, max_response_size: int = 268435456, rate_limits: bool = True, size_limits: bool = True, telemetry: bool = True, http_client: AsyncHttpClient | None = None, transport: Transport | None = None, default_headers: Mapping[str, str] | None = None) -> None: ...
    async def aclose(self) -> None: ...
    def as_completed(self, jobs: Iterable[AsyncJob[Out]], *, timeout: Timeout = None, concurrency: int = 100) -> AsyncResults[JobResult[AsyncJob[Out], Out]]: ...
    def endpoint(self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None) -> AsyncEndpoint[Any, Any]: ...
    async def wait_all(self, jobs: Iterable[AsyncJob], *, timeout: Timeout = None, concurrency: int = 100) -> list[JobState]: ...
    def with_options(self, *, timeout: Timeout | Unset = UNSET, max_retries: int | Unset = UNSET, api_key: str | KeyFunction | Unset = UNSET, default_headers: Mapping[str, str] | Unset = UNSET, rate_limits: bool | Unset = UNSET) -> AsyncRunpod: ...

class AsyncStream(AsyncQueueIterator[StreamChunk]):
    def __init__(self, reader: ChunkReader) -> None: ...
    async def aclose(self) -> None: ...
    def text(self) -> AsyncTexts: ...
    undelivered: tuple[StreamChunk, ...]

class AuthenticationError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class BadRequestError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class Batch:
    def add(self, inputs: Iterable[Any], *, timeout: Timeout | Unset = UNSET) -> None: ...
    def cancel(self, *, timeout: Timeout | Unset = UNSET) -> None: ...
    endpoint: Any
    def finalize(self, *, timeout: Timeout | Unset = UNSET) -> None: ...
    id: str
    def results(self, *, timeout: Timeout = None) -> Iterator[BatchResult]: ...
    def status(self, *, timeout: Timeout | Unset = UNSET) -> BatchState: ...
    def wait(self, *, timeout: Timeout = None) -> BatchState: ...

class BatchResult(Received):
    completed_at: datetime | None
    error: str | None
    extra: Mapping[str, JSONValue]
    files: list[OutputFile]
    id: str
    output: Any
    started_at: datetime | None
    status: JobStatus | str
    succeeded: bool
    def to_dict(self) -> dict[str, JSONValue]: ...

class BatchState(Received):
    completed: int | None
    created_at: datetime | None
    extra: Mapping[str, JSONValue]
    failed: int | None
    finished: bool
    id: str
    in_progress: int | None
    status: BatchStatus | str
    def to_dict(self) -> dict[str, JSONValue]: ...
    total: int | None

class BatchStatus(StrEnum):
    CANCELLED = 'CANCELLED'
    DRAFT = 'DRAFT'
    FAILED = 'FAILED'
    FINALIZED = 'FINALIZED'

class ClientClosedError(APIConnectionError, RuntimeError):
    index: int | None
    job: JobHandle | None

class ConfigurationError(RunpodError):
    index: int | None
    job: JobHandle | None

class ConflictError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class DownloadError(RunpodError):
    index: int | None
    job: JobHandle | None

class Endpoint(Generic[Input_contra, Output_co]):
    batches: EndpointBatches
    def cancel(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    client: Runpod
    def explain(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> Explanation: ...
    def health(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> EndpointHealth: ...
    id: str
    input_type: Any
    def job(self, job_id: str) -> Job[Output_co]: ...
    def map(self: Endpoint[Any, Any], inputs: Inputs[Any], *, concurrency: int = 100, ordered: bool = True, timeout: Timeout = None, on_error: OnError = 'yield', on_leave: OnLeave = 'detach', progress: bool | Callable[[MapProgress], object] | None = None, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, journal: Journal | str | PathLike[str] | None = None, on_update: Callable[[int, JobState], object] | None = None, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> Results[MapResult[Any]]: ...
    def openai(self, **options: Any) -> OpenAI: ...
    openai_base_url: str
    output_type: Any
    def purge_queue(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> PurgeResult: ...
    def retry(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def run(self: Endpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> Job[Out]: ...
    def run_sync(self: Endpoint[In, Out], request: Mapping[str, InputValue] | api.JobRequest | None = None, *, input: In | Unset = UNSET, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout = 90.0, check: bool = True, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, output_type: Any = None, extra_headers: Mapping[str, str] | None = None, extra_body: Mapping[str, JSONValue] | None = None) -> JobState[Any]: ...
    def status(self, job_id: str, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def stream(self, job_id: str, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> Stream: ...
    def updates(self, job_id: str, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> Iterator[JobState]: ...
    def wait(self, job_id: str, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None) -> JobState: ...

class EndpointBatches:
    def batch(self, batch_id: str) -> Batch: ...
    def create(self, inputs: Iterable[Any], *, webhook: str | None = None, policy: ExecutionPolicy | None = None, s3_config: S3Config | None = None, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> Batch: ...
    endpoint: Any

class EndpointHealth(Received):
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
    def cancel(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    endpoint: Endpoint[Any, Output_co]
    def explain(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> Explanation: ...
    id: str
    def output(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None, output_type: Any = None) -> Any: ...
    def retry(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def save_output(self, directory: str | PathLike[str], *, timeout: Timeout = None, overwrite: bool = False, extra_headers: Mapping[str, str] | None = None) -> list[Path]: ...
    def status(self, *, timeout: Timeout | Unset = UNSET, extra_headers: Mapping[str, str] | None = None) -> JobState: ...
    def stream(self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> Stream: ...
    def updates(self, *, timeout: Timeout = None, extra_headers: Mapping[str, str] | None = None) -> Iterator[JobState]: ...
    def wait(self, *, timeout: Timeout = None, on_timeout: OnTimeout = 'detach', on_update: OnUpdate | None = None, extra_headers: Mapping[str, str] | None = None) -> JobState: ...

class JobCancelledError(JobError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: JobHandle | None
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
    job: JobHandle | None
    state: object

class JobFailedError(JobError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    error_message: str | None
    error_traceback: str | None
    error_type: str | None
    index: int | None
    job: JobHandle | None
    state: object

class JobHandle(Protocol):
    endpoint: EndpointHandle
    id: str

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
    files: list[OutputFile]
    job: J
    output: Output_co
    state: JobState | None

class JobState(Received, Generic[Output_co]):
    completed: bool
    delay_time: timedelta | None
    error: str | None
    execution_time: timedelta | None
    extra: Mapping[str, JSONValue]
    files: list[OutputFile]
    has_output: bool
    headers: Mapping[str, str]
    id: str
    output: Output_co
    def output_as(self, output_type: Any) -> Any: ...
    progress: Any
    def raise_for_status(self) -> JobState[Output_co]: ...
    request_id: str | None
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
    job: JobHandle | None
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
    job: JobHandle | None

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
    files: list[OutputFile]
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
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class OutputFile:
    async def asave(self, path: str | os.PathLike[str], *, overwrite: bool = False, timeout: Timeout = DOWNLOAD_TIMEOUT, max_size: int = MAX_SIZE) -> Path: ...
    copies: tuple[str, ...]
    data: bytes | None
    media_type: str | None
    name: str
    path: str
    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, timeout: Timeout = DOWNLOAD_TIMEOUT, max_size: int = MAX_SIZE) -> Path: ...
    size: int | None
    url: str | None

class OutputValidationError(RunpodError):
    def __init__(self, message: str, *, state: JobState) -> None: ...
    index: int | None
    job: JobHandle | None
    state: object

class PayloadTooLargeError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class PermissionDeniedError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class PurgeResult(Received):
    extra: Mapping[str, JSONValue]
    removed: int | None
    status: str | None
    def to_dict(self) -> dict[str, JSONValue]: ...

class RateLimitError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class RequestTooLargeError(RunpodError, ValueError):
    def __init__(self, message: str, *, size: int, limit: int) -> None: ...
    index: int | None
    job: JobHandle | None
    limit: object
    size: object

class Results(Iterator[R]):
    def __init__(self, taker: ResultTaker[R]) -> None: ...
    def close(self) -> None: ...
    in_flight: dict[int, str]
    uncertain: tuple[int, ...]

class Runpod:
    def __init__(self, api_key: str | KeyFunction | None = None, *, base_url: str | None = None, timeout: Timeout = 10.0, max_retries: int = 2, max_response_size: int = 268435456, rate_limits: bool = True, size_limits: bool = True, telemetry: bool = True, http_client: HttpClient | None = None, transport: Transport | None = None, default_headers: Mapping[str, str] | None = None) -> None: ...
    def as_completed(self, jobs: Iterable[Job[Out]], *, timeout: Timeout = None, concurrency: int = 100) -> Results[JobResult[Job[Out], Out]]: ...
    def close(self) -> None: ...
    def endpoint(self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None) -> Endpoint[Any, Any]: ...
    def wait_all(self, jobs: Iterable[Job], *, timeout: Timeout = None, concurrency: int = 100) -> list[JobState]: ...
    def with_options(self, *, timeout: Timeout | Unset = UNSET, max_retries: int | Unset = UNSET, api_key: str | KeyFunction | Unset = UNSET, default_headers: Mapping[str, str] | Unset = UNSET, rate_limits: bool | Unset = UNSET) -> Runpod: ...

class RunpodError(Exception):
    index: int | None
    job: JobHandle | None

class RunpodTimeoutError(RunpodError, TimeoutError):
    def __init__(self, message: str, *, job: JobHandle | None = None, state: JobState | None = None) -> None: ...
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

class SaveOutputError(RunpodError):
    def __init__(self, message: str, *, saved: Sequence[Path] = (), failed: Mapping[str, Exception] | None = None) -> None: ...
    failed: object
    index: int | None
    job: JobHandle | None
    saved: object

class ServerError(APIStatusError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class StorageError(RunpodError):
    index: int | None
    job: JobHandle | None

class Stream(QueueIterator[StreamChunk]):
    def __init__(self, reader: ChunkReader) -> None: ...
    def close(self) -> None: ...
    def text(self) -> Texts: ...
    undelivered: tuple[StreamChunk, ...]

class StreamChunk(Received):
    extra: Mapping[str, JSONValue]
    metrics: Any
    output: Any
    text: str | None
    def to_dict(self) -> dict[str, JSONValue]: ...

class StreamInterruptedError(APIConnectionError):
    def __init__(self, message: str, *, job: JobHandle | None = None, state: JobState | None = None) -> None: ...
    index: int | None
    job: object
    state: object

class SubmissionResponseError(APIResponseValidationError, SubmissionUncertainError):
    def __init__(self, message: str, *, body: JSONValue = None) -> None: ...
    body: object
    index: int | None
    job: JobHandle | None

class SubmissionServerError(ServerError, SubmissionUncertainError):
    def __init__(self, message: str, *, status_code: int, body: JSONValue = None, headers: Mapping[str, str] | None = None, request_id: str | None = None, retry_after: float | None = None) -> None: ...
    body: object
    headers: Mapping[str, str]
    index: int | None
    job: JobHandle | None
    request_id: object
    retry_after: object
    status_code: object

class SubmissionTimeoutError(RunpodTimeoutError, SubmissionUncertainError):
    def __init__(self, message: str, *, job: JobHandle | None = None, state: JobState | None = None) -> None: ...
    cancelled = False
    index: int | None
    job: object
    state: object

class SubmissionUncertainError(APIConnectionError):
    index: int | None
    job: JobHandle | None

class WebPageError(DownloadError):
    index: int | None
    job: JobHandle | None

class WorkerCounts(Nesting):
    extra: Mapping[str, JSONValue]
    idle: int | None
    initializing: int | None
    ready: int | None
    running: int | None
    throttled: int | None
    unhealthy: int | None
