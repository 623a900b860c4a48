"""Public names of `runpod_sdk.webhooks`; written by scripts/release."""


class Delivery:
    expires: datetime
    input: Any
    key: str
    reference: str | None
    state: JobState

EXPIRES_IN: Final

class ExpiredError(WebhookError):
    index: int | None
    job: Job | AsyncJob | None
    status_code = 410

class ForgedError(WebhookError):
    index: int | None
    job: Job | AsyncJob | None
    status_code = 403

class MalformedError(WebhookError):
    index: int | None
    job: Job | AsyncJob | None
    status_code = 400

class Receiver:
    def __init__(self, url: str, secret: Secret, *, expires_in: float | timedelta = EXPIRES_IN, seen: SeenStore | None = None, max_body: int = MAX_BODY) -> None: ...
    def asgi(self, handler: Callable[[Delivery], Awaitable[object] | object] | None = None) -> _apps.ASGIApplication: ...
    def forget(self, delivery: Delivery) -> None: ...
    max_body: object
    def receive(self, url: str | bytes, body: str | bytes) -> Delivery | None: ...
    def taking(self, url: str | bytes, body: str | bytes) -> Iterator[Delivery | None]: ...
    def url_for(self, reference: str | None = None) -> str: ...
    def wait(self, job: Job, *, timeout: Timeout = None, poll_every: float | timedelta = HOLD) -> JobState: ...
    async def wait_async(self, job: AsyncJob, *, timeout: Timeout = None, poll_every: float | timedelta = HOLD) -> JobState: ...
    def wsgi(self, handler: Callable[[Delivery], object] | None = None) -> WSGIApplication: ...

Secret: TypeAlias

class Seen:
    def __init__(self, most: int = 10000) -> None: ...
    def add(self, key: str) -> bool: ...
    def discard(self, key: str) -> None: ...

class SeenStore(Protocol):
    def add(self, key: str) -> bool: ...
    def discard(self, key: str) -> None: ...

class WebhookError(RunpodError):
    index: int | None
    job: Job | AsyncJob | None
    status_code = 400

def parse(url: str | bytes, body: str | bytes, secret: Secret, *, now: float | None = None) -> Delivery: ...

def sign_url(url: str, secret: Secret, *, reference: str | None = None, expires_in: float | timedelta = EXPIRES_IN, now: float | None = None) -> str: ...
