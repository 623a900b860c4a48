"""Public names of `runpod_sdk.local`; written by scripts/release."""


class ActiveFault:
    def __init__(self, owner: Faults, id: str, fault: Fault, times: int | None, until: float): ...
    fault: object
    fired: int
    id: object
    def remove(self) -> None: ...

class ExpiredResult(JobFault):
    job_id: str | None

class Fault:
    ...

class Faults:
    def __init__(self, clock: Callable[[], float], on_add: Callable[[Fault], object] = lambda _: None, check_process: Callable[[], None] = lambda: None) -> None: ...
    def active(self, fault: Fault, *, times: int | None = None, lasting: float | timedelta | None = None) -> Generator[ActiveFault, None, None]: ...
    def add(self, fault: Fault, *, times: int | None = None, lasting: float | timedelta | None = None) -> ActiveFault: ...
    def clear(self) -> None: ...
    def fire(self, kind: type[FaultT], fits: Callable[[FaultT], bool]) -> FaultT | None: ...

class GatewayTimeout(RequestFault):
    after: float | None
    operation: str | None

Handler: TypeAlias

class Limits:
    chunk_size: int
    execution_timeout: float
    job_take_wait: float
    process_grace: float
    result_body: int
    retention: float
    run_body: int
    run_sync_body: int
    run_sync_wait: float
    shutdown_grace: float
    status_sync_wait: float
    stop_grace: float
    stream_wait: float
    sweep_interval: float
    sync_retention: float
    sync_retention_after_wait: float
    ttl: float
    webhook_retry_delays: tuple[float, ...]
    webhook_timeout: float
    worker_timeout: float

class LocalEndpoint:
    def __init__(self, handler: Served | Mapping[str, Served], *, workers: int = 1, min_workers: int | None = None, cold_start: float | timedelta = 0.0, idle_timeout: float | timedelta = 5.0, return_aggregate_stream: bool = False, endpoint_id: str | None = None, any_id: bool = False, api_key: str | None = None, port: int = 0, limits: Limits | None = None, rate_limits: bool = False, clock: Callable[[], float] = time.monotonic) -> None: ...
    api_key: str
    def async_client(self) -> AsyncRunpod: ...
    base_url: str
    def client(self) -> Runpod: ...
    def close(self) -> None: ...
    endpoint_id: str
    endpoint_ids: tuple[str, ...]
    faults: Faults
    page_url: str
    def restart_workers(self) -> None: ...
    def start(self) -> Self: ...
    def worker_environment(self, endpoint_id: str | None = None) -> dict[str, str]: ...

class LostReply(RequestFault):
    operation: str | None

class LostRequest(RequestFault):
    operation: str | None

class NoOutput(JobFault):
    job_id: str | None

class RateLimited(RequestFault):
    operation: str | None
    retry_after: int | None

class ServerFailure(RequestFault):
    operation: str | None
    status: int

class SlowReply(RequestFault):
    operation: str | None
    seconds: float

class SlowStart(Fault):
    seconds: float

class VirtualClock:
    def __init__(self) -> None: ...
    def advance(self, seconds: float | timedelta) -> None: ...
    def follow(self, follow: Callable[[], None]) -> None: ...
    def unfollow(self, follow: Callable[[], None]) -> None: ...

class WorkerCommand:
    command: tuple[str, ...]
    cwd: str | os.PathLike[str] | None
    env: Mapping[str, str]
    def find(self) -> None: ...

def progress_update(job: Mapping[str, Any], progress: Any) -> None: ...
