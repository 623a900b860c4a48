from enum import StrEnum


class BatchStatus(StrEnum):
    CANCELLED = "CANCELLED"
    DRAFT = "DRAFT"
    FAILED = "FAILED"
    FINALIZED = "FINALIZED"

    def __str__(self) -> str:
        return str(self.value)
