from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.job_counts import JobCounts
    from ..models.worker_counts import WorkerCounts


T = TypeVar("T", bound="Health")


@_attrs_define
class Health:
    """Job and worker counts of one endpoint."""

    jobs: JobCounts | None | Unset = UNSET
    """ Job counts. Always present in recordings. """
    workers: None | Unset | WorkerCounts = UNSET
    """ Worker counts. Always present in recordings. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.job_counts import JobCounts  # noqa: PLC0415
        from ..models.worker_counts import WorkerCounts  # noqa: PLC0415

        jobs: dict[str, Any] | None | Unset
        if isinstance(self.jobs, Unset):
            jobs = UNSET
        elif isinstance(self.jobs, JobCounts):
            jobs = self.jobs.to_dict()
        else:
            jobs = self.jobs

        workers: dict[str, Any] | None | Unset
        if isinstance(self.workers, Unset):
            workers = UNSET
        elif isinstance(self.workers, WorkerCounts):
            workers = self.workers.to_dict()
        else:
            workers = self.workers

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if jobs is not UNSET:
            field_dict["jobs"] = jobs
        if workers is not UNSET:
            field_dict["workers"] = workers

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.job_counts import JobCounts  # noqa: PLC0415
        from ..models.worker_counts import WorkerCounts  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_jobs(data: object) -> JobCounts | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                jobs_type_0 = JobCounts.from_dict(data)

                return jobs_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JobCounts | None | Unset, data)

        jobs = _parse_jobs(d.pop("jobs", UNSET))

        def _parse_workers(data: object) -> None | Unset | WorkerCounts:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                workers_type_0 = WorkerCounts.from_dict(data)

                return workers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | WorkerCounts, data)

        workers = _parse_workers(d.pop("workers", UNSET))

        health = cls(
            jobs=jobs,
            workers=workers,
        )

        health.additional_properties = d
        return health

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
