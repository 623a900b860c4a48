from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.job_status import JobStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="WebhookPayload")


@_attrs_define
class WebhookPayload:
    """The job, with its input and the webhook's URL."""

    id: str
    """ The job's id. It is opaque; it begins with `sync-` if `run_job_sync` created the job. Always present. """
    status: JobStatus | str
    """ Status of a job; new values may appear. Treat an unknown status as not terminal. """
    delay_time: int | None | Unset = UNSET
    """ Time from the submission to the start of the last attempt, in milliseconds. Present once a worker has
    started the job. """
    execution_time: int | None | Unset = UNSET
    """ Time that the job ran, in milliseconds. Present in terminal states if a worker had started the job. """
    worker_id: None | str | Unset = UNSET
    """ Id of the worker that runs or ran the job. Present once a worker has started the job. """
    output: Any | Unset = UNSET
    """ Any JSON, null included. Present in COMPLETED: the handler's result, or the list of yielded values if the
    handler aggregates them; absent if the result was an empty object. Present in IN_PROGRESS if the worker has
    reported progress: the last report. May be present in FAILED. """
    error: Any | Unset = UNSET
    """ Why the job failed. Present in FAILED. A string: the handler's error, an exception as a JSON object in a
    string (`error_type`, `error_message`, `error_traceback`, `hostname`, `worker_id`, `runpod_version`), or an
    error of the platform such as "executionTimeout exceeded". Any JSON is accepted, in case another form appears.
    """
    retries: int | None | Unset = UNSET
    """ Number of times that the platform has moved the job to another worker because one was lost. Present from 1
    on. The job fails when the second worker is lost. """
    input_: Any | Unset = UNSET
    """ The job's input, any JSON. Always present in recordings. """
    webhook: None | str | Unset = UNSET
    """ URL of the webhook. Always present in recordings. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        status: str
        if isinstance(self.status, JobStatus):
            status = self.status.value
        else:
            status = self.status

        delay_time: int | None | Unset
        if isinstance(self.delay_time, Unset):
            delay_time = UNSET
        else:
            delay_time = self.delay_time

        execution_time: int | None | Unset
        if isinstance(self.execution_time, Unset):
            execution_time = UNSET
        else:
            execution_time = self.execution_time

        worker_id: None | str | Unset
        if isinstance(self.worker_id, Unset):
            worker_id = UNSET
        else:
            worker_id = self.worker_id

        output = self.output

        error = self.error

        retries: int | None | Unset
        if isinstance(self.retries, Unset):
            retries = UNSET
        else:
            retries = self.retries

        input_ = self.input_

        webhook: None | str | Unset
        if isinstance(self.webhook, Unset):
            webhook = UNSET
        else:
            webhook = self.webhook

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "status": status,
            }
        )
        if delay_time is not UNSET:
            field_dict["delayTime"] = delay_time
        if execution_time is not UNSET:
            field_dict["executionTime"] = execution_time
        if worker_id is not UNSET:
            field_dict["workerId"] = worker_id
        if output is not UNSET:
            field_dict["output"] = output
        if error is not UNSET:
            field_dict["error"] = error
        if retries is not UNSET:
            field_dict["retries"] = retries
        if input_ is not UNSET:
            field_dict["input"] = input_
        if webhook is not UNSET:
            field_dict["webhook"] = webhook

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        def _parse_status(data: object) -> JobStatus | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_open_job_status_type_0 = JobStatus(data)

                return componentsschemas_open_job_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JobStatus | str, data)

        status = _parse_status(d.pop("status"))

        def _parse_delay_time(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        delay_time = _parse_delay_time(d.pop("delayTime", UNSET))

        def _parse_execution_time(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        execution_time = _parse_execution_time(d.pop("executionTime", UNSET))

        def _parse_worker_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        worker_id = _parse_worker_id(d.pop("workerId", UNSET))

        output = d.pop("output", UNSET)

        error = d.pop("error", UNSET)

        def _parse_retries(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        retries = _parse_retries(d.pop("retries", UNSET))

        input_ = d.pop("input", UNSET)

        def _parse_webhook(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook = _parse_webhook(d.pop("webhook", UNSET))

        webhook_payload = cls(
            id=id,
            status=status,
            delay_time=delay_time,
            execution_time=execution_time,
            worker_id=worker_id,
            output=output,
            error=error,
            retries=retries,
            input_=input_,
            webhook=webhook,
        )

        webhook_payload.additional_properties = d
        return webhook_payload

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
