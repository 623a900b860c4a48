"""Public names of `runpod_sdk.errors`; written by scripts/release."""

from runpod_sdk import APIConnectionError as APIConnectionError
from runpod_sdk import APIResponseValidationError as APIResponseValidationError
from runpod_sdk import APIStatusError as APIStatusError
from runpod_sdk import AuthenticationError as AuthenticationError
from runpod_sdk import BadRequestError as BadRequestError
from runpod_sdk import ConfigurationError as ConfigurationError
from runpod_sdk import ConflictError as ConflictError
from runpod_sdk import JobCancelledError as JobCancelledError
from runpod_sdk import JobError as JobError
from runpod_sdk import JobFailedError as JobFailedError
from runpod_sdk import JobTimedOutError as JobTimedOutError
from runpod_sdk import JournalError as JournalError
from runpod_sdk import NotFoundError as NotFoundError
from runpod_sdk import OutputValidationError as OutputValidationError
from runpod_sdk import PayloadTooLargeError as PayloadTooLargeError
from runpod_sdk import PermissionDeniedError as PermissionDeniedError
from runpod_sdk import RateLimitError as RateLimitError
from runpod_sdk import RequestTooLargeError as RequestTooLargeError
from runpod_sdk import RunpodError as RunpodError
from runpod_sdk import RunpodTimeoutError as RunpodTimeoutError
from runpod_sdk import ServerError as ServerError
from runpod_sdk import StreamInterruptedError as StreamInterruptedError
from runpod_sdk import SubmissionResponseError as SubmissionResponseError
from runpod_sdk import SubmissionServerError as SubmissionServerError
from runpod_sdk import SubmissionTimeoutError as SubmissionTimeoutError
from runpod_sdk import SubmissionUncertainError as SubmissionUncertainError
